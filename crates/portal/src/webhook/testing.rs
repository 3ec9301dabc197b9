//! A REST API that answers what a test wants, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::filled::Filled;
use crate::rest::{Api, Credentials, Rest};
use crate::session::Session;
use crate::viewer::Viewer;
use crate::zone::Zone;

/// Markup, quotes, a formula, and a turn of direction.
pub const HOSTILE: &str = "=1+1<b onclick='x'>\"&\u{202e}";

#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub body: Value,
    pub if_match: Option<String>,
    pub key: Option<String>,
}

/// Method, path without its beginning, status and body.
type Known = (Method, &'static str, u16, Value);

/// What was changed so far.
pub type Calls = Arc<Mutex<Vec<Call>>>;

/// Who is signed in, in front of an API that answers these; what is not among them is 404.
pub async fn viewer(known: Vec<Known>, is_part: bool) -> (Arc<Viewer>, Calls) {
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    let known = Arc::new(known.into_iter().chain(always()).collect::<Vec<_>>());
    let router = Router::new()
        .fallback(move |request: Request| answer(request, Arc::clone(&known), Arc::clone(&noted)));
    let credentials = Credentials { client: "partner-app".to_owned(), token: SecretString::from("token") };
    let mut request = Request::new(Body::empty());
    if is_part {
        request.headers_mut().insert("hx-request", "true".parse().unwrap());
    }
    let parts = request.into_parts().0;
    let api = Api::of(router, std::time::Duration::from_secs(10));
    let rest = Rest::of(&api, &parts, &credentials).unwrap();
    let now: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
    let mut viewer = Viewer::of(rest, Session::new(credentials, now), Zone::utc(), &parts).await.unwrap();
    viewer.now = now;
    (Arc::new(viewer), calls)
}

async fn answer(request: Request, known: Arc<Vec<Known>>, calls: Calls) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/api/v2/webhooks").unwrap().to_owned();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    if parts.method != Method::GET && path != "/template-previews" {
        calls.lock().unwrap().push(Call {
            method: parts.method.clone(),
            path: path.clone(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            if_match: text(IF_MATCH.as_str()),
            key: text("idempotency-key"),
        });
    }
    let found = known.iter().find(|(method, of, ..)| *method == parts.method && *of == path);
    let Some((_, _, status, body)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let status = StatusCode::from_u16(*status).unwrap();
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    (status, [(CONTENT_TYPE, kind), (ETAG, "\"3\"")], Json(body)).into_response()
}

fn always() -> Vec<Known> {
    let of = |name: &str, title: &str, family: &str, kind: &str| json!({"name": name, "title": title, "family": family, "kind": kind, "when": "It happens.", "subject": null, "entitled": true});
    vec![
        (
            Method::GET,
            "/me",
            200,
            json!({"client": "partner-app", "operator": "OPX", "token": null, "scopes": ["read", "write"],
                "contracts": ["C-1", HOSTILE], "eventTypes": ["PRODUCT_ADDED", "FLIGHT_CREATE"],
                "profiles": ["flight", "portal", "order", "staffing"]}),
        ),
        (
            Method::GET,
            "/event-types",
            200,
            json!({"eventTypes": [of("FLIGHT_CREATE", "Flight created", "flight", "state"),
                of("PRODUCT_ADDED", "Product Added", "product", "fact")]}),
        ),
        (
            Method::GET,
            "/policies",
            200,
            json!({"policies": [{"name": "standard", "profiles": ["flight", "portal", "order"], "summary": "11 attempts"},
                {"name": "staffing", "profiles": ["staffing"], "summary": "4 attempts"}]}),
        ),
    ]
}

/// `GET /subscriptions/{id}` of a portal webhook that has all there is, with hostile text in it.
pub fn subscription() -> Value {
    json!({
        "id": "s-1", "event": "PRODUCT_ADDED", "callbackUrl": "https://a.example/h", "status": "ACTIVE",
        "createdAtDateTime": "2026-11-21T10:30:00.000Z", "updatedAtDateTime": "2026-11-21T10:40:00.000Z",
        "expirationDateTime": null, "profile": "portal", "contractId": "C-1", "environment": "production",
        "name": HOSTILE, "httpRequest": {"jsonBody": {"a": HOSTILE}}, "headers": ["x-tenant"],
        "authentication": {"type": "basic"}, "limits": {"ratePerMinute": 1200},
    })
}

pub fn filled(pairs: &[(&str, &str)]) -> Filled {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 10_000_000).await.unwrap().to_vec()).unwrap()
}

/// Nothing of what others wrote is markup.
pub fn assert_harmless(page: &str) {
    for markup in ["<b onclick", "'x'>", "\"&\u{202e}"] {
        assert!(!page.contains(markup), "{page}");
    }
}
