//! What is answered when it is not 202: `application/problem+json` (RFC 9457).

use aerogram_domain::credentials::{Scope, throttle::Later};
use aerogram_domain::intake::{Code, FieldError, Refusal};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Come back after a second.
const RETRY_AFTER: (HeaderName, HeaderValue) = (header::RETRY_AFTER, HeaderValue::from_static("1"));
const BEARER: (HeaderName, HeaderValue) = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));

#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    detail: String,
    /// Stable, for programs, where the status does not say enough.
    code: Option<&'static str>,
    errors: Vec<Wrong>,
}

/// One wrong field.
#[derive(Serialize, Debug)]
struct Wrong {
    /// JSON pointer into the request; empty: the whole.
    pointer: String,
    /// What kind of mistake, stable.
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Wrong],
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, header: None, detail: detail.into(), code: None, errors: Vec::new() }
    }

    fn with(self, header: (HeaderName, HeaderValue)) -> Self {
        Self { header: Some(Box::new(header)), ..self }
    }

    /// Nobody we know.
    pub fn unauthenticated() -> Self {
        let detail = "send Authorization: Bearer with the token of a publisher";
        Self::new(StatusCode::UNAUTHORIZED, detail).with(BEARER)
    }

    /// Nothing of the request was accepted.
    pub fn refused(refusal: &Refusal) -> Self {
        let all_are = |code: Code| refusal.errors().iter().all(|error| error.code == code);
        let any_is = |code: Code| refusal.errors().iter().any(|error| error.code == code);
        let (status, detail) = if any_is(Code::TooLarge) {
            (StatusCode::PAYLOAD_TOO_LARGE, "an event is too large; nothing was accepted")
        } else if all_are(Code::Operator) {
            (StatusCode::FORBIDDEN, "this token may not speak for that operator; nothing was accepted")
        } else {
            (StatusCode::BAD_REQUEST, "fields are wrong; nothing was accepted")
        };
        Self { errors: wrong(refusal), ..Self::new(status, detail) }
    }

    /// Nobody who runs the platform.
    pub fn no_administrator() -> Self {
        let detail = "send Authorization: Bearer with the token of an administrator ([[admins]] of the credentials file)";
        Self::new(StatusCode::UNAUTHORIZED, detail).with(BEARER)
    }

    /// Too many were nobody we know.
    pub fn too_many_guesses(later: Later) -> Self {
        let seconds = later.seconds();
        let detail =
            format!("too many requests with wrong tokens came from this address; try again in {seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
            .with((header::RETRY_AFTER, HeaderValue::from(seconds)))
    }

    /// Somebody we know, whose token is not for this.
    pub fn no_scope(scope: Scope) -> Self {
        let detail = format!("this needs the scope {scope}, which this token does not have");
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// A query or path that means nothing.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// It was done already, or is being done.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::new(StatusCode::CONFLICT, detail) }
    }

    /// What is stored can't be accepted as it is.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>, refusal: Option<&Refusal>) -> Self {
        let errors = refusal.map(wrong).unwrap_or_default();
        Self { code: Some(code), errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub fn unsupported_media_type() -> Self {
        let detail =
            "send application/cloudevents+json, application/cloudevents-batch+json or application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    pub fn too_large(max_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("at most {max_bytes} bytes are accepted; send fewer events"),
        )
    }

    pub fn slow_or_broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the body did not arrive completely")
    }

    /// We are leaving, or have no room: nothing was written.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER)
    }

    /// Kafka did not answer in time: it may be written, so it is to be sent again with the same ids.
    pub fn not_acknowledged() -> Self {
        let detail = "the events were not acknowledged in time and may or may not be accepted; send them again with \
                      the same ids, duplicates are recognised";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER)
    }

    pub fn wrong_method(allowed: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is served here"))
            .with((header::ALLOW, HeaderValue::from_static(allowed)))
    }

    pub fn nothing_here(route: &str) -> Self {
        Self::not_found(format!("nothing is served here; publish with POST {route}"))
    }
}

fn wrong(refusal: &Refusal) -> Vec<Wrong> {
    let wrong =
        |e: &FieldError| Wrong { pointer: e.field.clone(), code: e.code.as_str(), detail: e.detail.clone() };
    refusal.errors().iter().map(wrong).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        // Texts and numbers always become JSON.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(header) = self.header {
            let (name, value) = *header;
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::{
        catalogue::Catalogue,
        credentials::Operators,
        intake::{Policy, SchemaCheck, accept_json},
    };
    use aerogram_wire::v1::Origin;
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    async fn answer(problem: Problem) -> (StatusCode, Value) {
        let response = problem.into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn refusal(event: &Value) -> Refusal {
        let policy = Policy {
            scope: "s".into(),
            operators: Operators::from_list(&["acme"]),
            max_event_bytes: 300,
            catalogue: Catalogue::builtin(),
            schema_check: SchemaCheck::Off,
        };
        accept_json(&policy, &Bytes::from(event.to_string()), &Origin::default(), 0).unwrap_err()
    }

    fn event(id: &Value, operator: &str, data: &str) -> Value {
        json!({"specversion": "1.0", "id": id, "source": "/s", "type": "FLIGHT_CREATE", "operator": operator,
               "data": {"text": data}})
    }

    #[tokio::test]
    async fn the_status_says_what_kind_of_mistake_it_is() {
        let long = "x".repeat(300);
        for (events, status) in [
            (json!([event(&json!("e"), "other", "")]), StatusCode::FORBIDDEN),
            (json!([event(&json!("e"), "other", ""), event(&json!(1), "acme", "")]), StatusCode::BAD_REQUEST),
            (
                json!([event(&json!("e"), "other", ""), event(&json!("e"), "acme", &long)]),
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
        ] {
            let (found, body) = answer(Problem::refused(&refusal(&events))).await;
            assert_eq!((found, body["status"].as_u64()), (status, Some(status.as_u16().into())), "{body}");
        }
    }

    #[tokio::test]
    async fn every_wrong_field_is_pointed_at() {
        let events = json!([event(&json!("e"), "acme", ""), event(&json!(""), "other", "")]);
        let (_, body) = answer(Problem::refused(&refusal(&events))).await;
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["title"], "Bad Request");
        let pointers: Vec<_> =
            body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(pointers, ["/1/id", "/1/operator"]);
        assert_eq!(body["errors"][1]["code"], "operator_not_allowed");
    }

    #[tokio::test]
    async fn a_refusal_that_passes_says_when() {
        assert_eq!(Problem::busy("b").into_response().headers()[header::RETRY_AFTER], "1");
        assert_eq!(Problem::not_acknowledged().into_response().headers()[header::RETRY_AFTER], "1");
        assert_eq!(Problem::unauthenticated().into_response().headers()[header::WWW_AUTHENTICATE], "Bearer");
        let (_, body) = answer(Problem::nothing_here("/v1/events")).await;
        assert_eq!((body.get("errors"), body.get("code")), (None, None));
        let (status, body) = answer(Problem::conflict("settled", "it was accepted already")).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::CONFLICT, Some("settled")));
    }
}
