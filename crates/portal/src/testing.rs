//! The pages as a browser gets them, made of answers of an API that only plays one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_seal::{Sealer, new_key};
use aerogram_settings::SealSettings;
use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, IF_MATCH, LOCATION};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::rest::{Credentials, query_of};
use crate::session::Session;

/// `GET /events`, its status and its body.
pub type Known = (&'static str, u16, Value);

/// A portal in which somebody is signed in.
pub struct World {
    portal: Router,
    cookie: String,
    csrf: String,
    /// What the API was asked: method, path with its query, body.
    asked: Arc<Mutex<Vec<String>>>,
    /// The values of `If-Match` that came with it.
    tags: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub location: String,
    pub pushed: String,
    pub page: String,
}

impl World {
    /// What is not among these is 404.
    pub fn of(known: Vec<Known>) -> Self {
        let keys = [("k1".to_owned(), SecretString::from(new_key().unwrap()))].into();
        let sealer = Sealer::from_settings(&SealSettings { keys, current: "k1".to_owned() }).unwrap();
        let credentials = Credentials { client: "app".to_owned(), token: "t".to_owned().into() };
        let session = Session::new(credentials, Timestamp::now());
        let cookie = session.cookie(&sealer).unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (known, noted) = (Arc::new(known), Arc::clone(&asked));
        let tags = Arc::<Mutex<Vec<String>>>::default();
        let tagged = Arc::clone(&tags);
        let rest = Router::new().fallback(move |request: Request<Body>| {
            let tag = request.headers().get(IF_MATCH).map(|tag| tag.to_str().unwrap().to_owned());
            tagged.lock().unwrap().extend(tag);
            answer(request, Arc::clone(&known), Arc::clone(&noted))
        });
        let portal =
            Router::new().nest(crate::BASE, crate::routes(rest, sealer, 65_536, Duration::from_secs(10)));
        Self { portal, cookie, csrf: session.csrf().to_owned(), asked, tags }
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.ask(Request::get(path), Body::empty()).await
    }

    /// As htmx asks for a part of a page.
    pub async fn part(&self, path: &str, target: &str) -> Answered {
        self.ask(Request::get(path).header("hx-request", "true").header("hx-target", target), Body::empty())
            .await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let fields = fields.iter().copied().chain([("csrf", self.csrf.as_str())]);
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.header("sec-fetch-site", "same-origin"), Body::from(query_of(fields))).await
    }

    async fn ask(&self, request: axum::http::request::Builder, body: Body) -> Answered {
        let request = request.header(COOKIE, &self.cookie).body(body).unwrap();
        let response = self.portal.clone().oneshot(request).await.unwrap();
        let text = |name: &str| {
            response.headers().get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let (status, location, pushed) = (response.status(), text(LOCATION.as_str()), text("hx-push-url"));
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answered { status, location, pushed, page: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// What the API was asked to change.
    pub fn changes(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|asked| !asked.starts_with("GET ")).cloned().collect()
    }

    /// The entity tags that were asked to match.
    pub fn tags(&self) -> Vec<String> {
        self.tags.lock().unwrap().clone()
    }

    pub fn was_asked(&self, what: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked.trim_end() == what)
    }
}

async fn answer(request: Request<Body>, known: Arc<Vec<Known>>, asked: Arc<Mutex<Vec<String>>>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let place = parts.uri.to_string().replacen("/api/v2/webhooks", "", 1);
    asked.lock().unwrap().push(format!("{} {place} {}", parts.method, String::from_utf8_lossy(&body)));
    let what = format!("{} {}", parts.method, place.split('?').next().unwrap());
    // With its query where that is said.
    let whole = format!("{} {place}", parts.method);
    let is_it = |known: &str| known == what || known == whole;
    let (status, body) = match known.iter().find(|(known, ..)| is_it(known)) {
        Some((_, status, body)) => (*status, body.clone()),
        None => always(&parts.method, &what),
    };
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, "application/json")], body.to_string())
        .into_response()
}

fn always(method: &Method, what: &str) -> (u16, Value) {
    let event = |name: &str, title: &str, family: &str, kind: &str| {
        json!({"name": name, "title": title, "family": family, "kind": kind, "when": "It happens.", "subject": "flightId",
               "entitled": true, "exampleTime": "2026-05-03T11:30:00.000Z", "example": {"z": 1, "a": [2, "x"]},
               "fields": [{"name": "legs[].origin", "type": "string", "says": "Where from.", "required": true, "oneOf": ["MAD", "LHR"]}]})
    };
    match what.strip_prefix(method.as_str()).unwrap_or_default() {
        " /me" => {
            let me = json!({"client": "app", "operator": "OPX", "scopes": ["read", "write"], "contracts": [], "eventTypes": [],
                            "profiles": []});
            (200, me)
        }
        " /event-types" => {
            let types = [
                event("FLIGHT_TIME_UPDATE", "Flight times changed", "flight", "state"),
                event("OrderDisrupted", "Order disrupted", "order", "fact"),
            ];
            (200, json!({"eventTypes": types}))
        }
        " /policies" => {
            let standard = json!({"name": "standard", "profiles": ["flight"], "summary": "11 attempts within about 3 days; 2xx is success"});
            (200, json!({"policies": [standard]}))
        }
        " /subscriptions" | " /escalations" if *method == Method::GET => {
            let none = json!({"escalations": [], "next": null, "total": 0, "totalIsAtLeast": false});
            (200, if what.ends_with("escalations") { none } else { json!([]) })
        }
        _ => (404, json!({"detail": "there is no such thing"})),
    }
}
