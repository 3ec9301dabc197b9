//! `application/problem+json` (RFC 9457), or what came in its place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::table::cut;

const TEXT_CHARS_MAX: usize = 500;

/// Why a request was not done.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
pub struct Problem {
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub detail: String,
    /// Stable, where the status does not say enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Wrong>,
}

/// One wrong field.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
pub struct Wrong {
    /// JSON pointer; empty: the whole.
    #[serde(default)]
    pub pointer: String,
    /// Of the query, where it is none of the body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parameter: String,
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Self>(body) {
            Ok(problem) if !problem.detail.is_empty() => Self { status, ..problem },
            // A proxy in between, for example.
            _ => Self {
                status,
                detail: cut(&String::from_utf8_lossy(body), TEXT_CHARS_MAX),
                ..Self::default()
            },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)?;
        self.errors.iter().try_for_each(|wrong| write!(f, "\n    {wrong}"))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pointer.as_str(), self.parameter.as_str()) {
            ("", "") => f.write_str(&self.detail),
            ("", place) | (place, _) => write!(f, "{place}: {}", self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_shown_whatever_it_is() {
        let body = br#"{"type":"about:blank","status":422,"detail":"no","code":"x","errors":[{"pointer":"/a","detail":"b"}]}"#;
        let problem = Problem::read(422, body);
        assert_eq!(problem.to_string(), "422: no\n    /a: b");
        assert_eq!(problem.code.as_deref(), Some("x"));
        let body = br#"{"detail":"no","errors":[{"parameter":"since","detail":"b"}]}"#;
        assert_eq!(Problem::read(400, body).to_string(), "400: no\n    since: b");
        assert_eq!(Problem::read(502, b"<html>").to_string(), "502: <html>");
    }
}
