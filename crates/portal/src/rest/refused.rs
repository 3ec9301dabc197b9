//! What REST answered that is no success.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// When to ask again for what was asked for too often, if it was not said.
const TOO_MANY_RETRY_AFTER_S: u64 = 60;
/// When to ask again for what cannot be had now.
const UNAVAILABLE_RETRY_AFTER_S: u64 = 5;

/// A field of what was sent, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Wrong {
    /// A JSON pointer; empty: to all that was sent.
    #[serde(default)]
    pub pointer: String,
    /// Of the query.
    #[serde(default)]
    pub parameter: String,
    /// What is wrong, and what is allowed.
    pub detail: String,
}

/// Why there is no answer; what a person reads of it is made in one place, `error.rs`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("the credentials do not count, or no longer")]
    Unauthenticated,
    #[error("{0}")]
    Forbidden(String),
    /// It never was, is gone, or is somebody else's.
    #[error("there is no such thing")]
    NotFound,
    /// It was there, and the log does not hold it any more.
    #[error("{0}")]
    Gone(String),
    /// With every field that is wrong.
    #[error("{detail}")]
    Invalid { detail: String, wrong: Vec<Wrong> },
    /// It cannot be as things are.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else was faster (412).
    #[error("{0}")]
    Changed(String),
    #[error("{detail}")]
    TooMany { detail: String, retry_after_s: Option<u64> },
    /// Not now; asking again may do.
    #[error("{0}")]
    Unavailable(String),
    /// Something that should not be; a bug.
    #[error("{0}")]
    Broken(String),
}

#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<Wrong>,
}

impl Refused {
    pub fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let Problem { detail, errors } = serde_json::from_slice(body).unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden(detail),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::GONE => Self::Gone(detail),
            StatusCode::CONFLICT => Self::Conflict(detail),
            StatusCode::PRECONDITION_FAILED => Self::Changed(detail),
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Self::TooMany { detail, retry_after_s: seconds }
            }
            status if status.is_client_error() => Self::Invalid { detail, wrong: errors },
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable(detail),
            status => Self::broken(format!("{status}: {detail}")),
        }
    }

    pub fn broken(what: String) -> Self {
        tracing::error!("the portal cannot use what the API answers: {what}");
        Self::Broken(what)
    }

    /// When to ask again; `None`: that does not help.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_s, .. } => Some(retry_after_s.unwrap_or(TOO_MANY_RETRY_AFTER_S)),
            Self::Unavailable(_) => Some(UNAVAILABLE_RETRY_AFTER_S),
            _ => None,
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Gone(_) => StatusCode::GONE,
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Changed(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
