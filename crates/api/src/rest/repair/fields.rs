//! What a body says.

use aerogram_domain::history::Status;
use aerogram_domain::subscription_request::FieldError;
use axum::body::Body;
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::{Api, Problem};
use crate::rest::body;
use crate::rest::parameters::time;

/// Longest text, in characters: as long as a subject may be.
const TEXT_MAX_CHARS: usize = 512;

/// The members of a JSON object, taken one by one; what is not taken does not matter, and `null` is left out.
#[derive(Default)]
pub struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads it; no body, and `null`, is one that says nothing.
    ///
    /// # Errors
    /// 400 when it is no JSON object; and as [`body::read`].
    pub async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let bytes = body::read(headers, body, api.settings.max_body_bytes, api.patience()).await?;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let value =
            serde_json::from_slice(&bytes).map_err(|error| Problem::body(format!("is not JSON: {error}")))?;
        match value {
            Value::Object(values) => Ok(Self { values, errors: Vec::new() }),
            Value::Null => Ok(Self::default()),
            _ => Err(Problem::body("must be a JSON object")),
        }
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) if (1..=TEXT_MAX_CHARS).contains(&text.chars().count()) => Some(text),
            _ => self.wrong(name, &format!("must be a text of 1 to {TEXT_MAX_CHARS} characters")),
        }
    }

    /// Milliseconds since 1970.
    pub fn time(&mut self, name: &str) -> Option<i64> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) => match time(&text) {
                // In JSON a plus is a plus.
                Err(_) => self.wrong(name, "must be a time such as 2026-11-21T10:30:00Z (RFC 3339)"),
                Ok(ms) if ms <= 0 => self.wrong(name, "must be after the beginning of 1970"),
                Ok(ms) => Some(ms),
            },
            _ => self.wrong(name, "must be a time such as 2026-11-21T10:30:00Z (RFC 3339), as a text"),
        }
    }

    pub fn flag(&mut self, name: &str) -> bool {
        match self.values.remove(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => self.wrong(name, "must be true or false").unwrap_or(false),
        }
    }

    /// Of what has ended: a name or a list of them.
    pub fn ended(&mut self, name: &str) -> Vec<Status> {
        let names = match self.values.remove(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(names)) => names,
            Some(one) => vec![one],
        };
        let mut statuses = Vec::new();
        for (index, value) in names.iter().enumerate() {
            let status = value.as_str().and_then(Status::parse).filter(|status| status.is_final());
            match status {
                Some(status) if !statuses.contains(&status) => statuses.push(status),
                Some(_) => {}
                None => {
                    let all = Status::ALL.into_iter().filter(|status| status.is_final()).map(Status::name);
                    let all = all.collect::<Vec<_>>().join(", ");
                    let pointer = if names.len() == 1 { name.to_owned() } else { format!("{name}/{index}") };
                    let detail = format!("must be one of {all}: what has not ended is sent anyway");
                    self.wrong::<()>(&pointer, &detail);
                }
            }
        }
        statuses
    }

    /// Something is wrong with a member.
    pub fn wrong<T>(&mut self, name: &str, detail: &str) -> Option<T> {
        self.errors.push(FieldError { pointer: format!("/{name}"), detail: detail.to_owned() });
        None
    }

    /// # Errors
    /// 400 with everything that is wrong.
    pub fn done(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        let Value::Object(values) = value else { panic!("{value}") };
        Fields { values, errors: Vec::new() }
    }

    #[test]
    fn what_is_said_is_read_and_what_is_left_out_is_nothing() {
        let mut said = fields(json!({
            "a": "text", "b": null, "since": "2024-01-15T10:30:00+00:00", "all": true, "other": 7,
            "status": ["ESCALATED", "DELIVERED", "ESCALATED"],
        }));
        assert_eq!((said.text("a").as_deref(), said.text("b"), said.text("c")), (Some("text"), None, None));
        assert_eq!((said.time("since"), said.time("until")), (Some(1_705_314_600_000), None));
        assert_eq!((said.flag("all"), said.flag("dryRun")), (true, false));
        assert_eq!(said.ended("status"), [Status::Escalated, Status::Delivered]);
        assert_eq!(fields(json!({"status": "CANCELLED"})).ended("status"), [Status::Cancelled]);
        assert!(said.ended("none").is_empty() && said.done().is_ok());
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let mut said = fields(json!({
            "a": "", "since": "today", "until": 5, "past": "1969-01-01T00:00:00Z", "all": "yes",
            "status": ["ESCALATED", "PARKED", 7], "one": "PENDING",
        }));
        let _ = (said.text("a"), said.time("since"), said.time("until"), said.time("past"), said.flag("all"));
        let _ = (said.ended("status"), said.ended("one"));
        let wrong: Vec<_> = said.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(wrong, ["/a", "/since", "/until", "/past", "/all", "/status/1", "/status/2", "/one"]);
        assert!(said.done().is_err());
    }
}
