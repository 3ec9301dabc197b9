//! Errors as `application/problem+json` (RFC 9457).

use aerogram_domain::subscription_request::FieldError;
use aerogram_projection::ProjectionError;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catch_up::CatchUpError;
use crate::escalations::NotWritten;
use crate::history::NotRead;
use crate::submit::SubmitError;

/// After this a refused request may be tried again, in seconds.
const RETRY_AFTER_S: &str = "2";

/// An answer that is an error.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    parameters: Vec<Parameter>,
    header: Option<Box<(&'static str, HeaderValue)>>,
}

/// A parameter of the query, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    pub parameter: String,
    pub detail: String,
}

/// A problem (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem, examples(json!({
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "the body is not valid; errors names every wrong field",
    "errors": [{"pointer": "/callbackUrl", "detail": "must begin with https://"}],
})))]
pub struct Body<'a> {
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What happened, to what, and what to do.
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong<'a>>,
}

/// What is wrong with a field of the body, or with a parameter of the query.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub struct Wrong<'a> {
    /// To the field (RFC 6901); empty: the body as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'a str>,
    /// What is wrong, and what is allowed.
    detail: &'a str,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), parameters: Vec::new(), header: None }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// 400 for fields of the body.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(StatusCode::BAD_REQUEST, "the body is not valid; errors names every wrong field")
        }
    }

    /// 400 for parameters of the query.
    pub fn parameters(parameters: Vec<Parameter>) -> Self {
        let detail = "the query is not valid; errors names what is wrong, up to 20 parameters";
        Self { parameters, ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// 400 for the body as a whole.
    pub fn body(detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: String::new(), detail: detail.into() }])
    }

    /// The same for what is missing, wrong and not fitting together: a guesser learns nothing.
    pub fn unauthenticated() -> Self {
        let detail = "X-Api-Client-Id and X-Auth-Token must be given and belong together";
        Self {
            header: Some(Box::new(("www-authenticate", HeaderValue::from_static("X-Auth-Token")))),
            ..Self::new(StatusCode::UNAUTHORIZED, detail)
        }
    }

    /// The same for a wrong token and one that is no administrator's.
    pub fn no_administrator() -> Self {
        let detail = "Authorization: Bearer must carry an administrator's token";
        let header = Box::new(("www-authenticate", HeaderValue::from_static("Bearer")));
        Self { header: Some(header), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 429 with `Retry-After`.
    pub fn too_many(detail: impl Into<String>, retry_after_s: u64) -> Self {
        let header = Box::new(("retry-after", HeaderValue::from(retry_after_s)));
        Self { header: Some(header), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// Unknown, deleted, and another pair's are the same.
    pub fn no_such_subscription() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such subscription")
    }

    /// Unknown, and another pair's are the same.
    pub fn no_such_escalation() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such escalation")
    }

    /// Unknown, too old, and another pair's are the same.
    pub fn no_such_delivery() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such delivery (any more)")
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            header: Some(Box::new(("retry-after", HeaderValue::from_static(RETRY_AFTER_S)))),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }
}

/// Answers for all routes when an id in the path is no text. Else it would be said by the framework, in plain text.
pub async fn readable_path(
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    match path {
        Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) => {
            Problem::new(StatusCode::BAD_REQUEST, "the path is not readable: it is no UTF-8").into_response()
        }
        // What has no route has no parameters.
        Ok(_) | Err(_) => next.run(request).await,
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        tracing::warn!("a command has no result: {error}");
        match error {
            SubmitError::Busy(_) => Self::unavailable("too many changes are under way; nothing was changed"),
            SubmitError::NotWritten(_) => {
                Self::unavailable("the change could not be recorded; nothing was changed")
            }
            SubmitError::Unknown => Self::unavailable(
                "the change was not confirmed in time and may still take effect; look at the subscription before \
                 trying again, or repeat a POST with the same Idempotency-Key",
            ),
        }
    }
}

impl From<CatchUpError> for Problem {
    fn from(error: CatchUpError) -> Self {
        tracing::warn!("a read is refused: {error}");
        Self::unavailable("it is not known whether the answer would be up to date")
    }
}

impl From<ProjectionError> for Problem {
    fn from(error: ProjectionError) -> Self {
        if matches!(error, ProjectionError::Late { .. } | ProjectionError::MadeAnew) {
            return CatchUpError::TooLate.into();
        }
        tracing::error!("a read is refused: {error}");
        Self::unavailable("what is asked for cannot be read at this moment")
    }
}

impl From<NotRead> for Problem {
    fn from(error: NotRead) -> Self {
        if matches!(error, NotRead::Gone) {
            let detail =
                "the log does not hold this escalation in full any more (topics.escalations_retention_ms)";
            return Self::new(StatusCode::GONE, detail);
        }
        tracing::warn!("an escalation is not read back: {error}");
        Self::unavailable("the escalation could not be read in full; ask again")
    }
}

impl From<NotWritten> for Problem {
    fn from(error: NotWritten) -> Self {
        tracing::warn!("what becomes of an escalation is not written: {error}");
        Self::unavailable(
            "it was not confirmed in time and may still take effect; look at the escalation, and ask again if nothing came \
             of it",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wrong = |pointer, parameter, detail| Wrong { pointer, parameter, detail };
        let fields = self.errors.iter().map(|e| wrong(Some(e.pointer.as_str()), None, e.detail.as_str()));
        let parameters =
            self.parameters.iter().map(|p| wrong(None, Some(p.parameter.as_str()), p.detail.as_str()));
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: fields.chain(parameters).collect(),
        };
        // Text and numbers always become JSON.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(CONTENT_TYPE, content_type)], bytes).into_response();
        if let Some(header) = self.header {
            let (name, value) = *header;
            response.headers_mut().insert(name, value);
        }
        response
    }
}
