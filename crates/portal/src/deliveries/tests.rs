//! The pages as a browser gets them, made of answers of an API that only plays one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_seal::{Sealer, new_key};
use aerogram_settings::SealSettings;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::rest::Credentials;
use crate::session::Session;

const HOSTILE: &str = "\"'><script>alert(1)</script>";
const ID: &str = "msg_4c1fd5a1b4c8d9dd3c1b7f26a09b1e52";
const TASK: &str = "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f";

type Asked = Arc<Mutex<Vec<String>>>;

struct World {
    portal: Router,
    cookie: String,
    csrf: String,
    asked: Asked,
}

struct Answered {
    status: StatusCode,
    location: String,
    pushed: String,
    page: String,
}

fn world() -> World {
    let keys = [("k1".to_owned(), SecretString::from(new_key().unwrap()))].into();
    let sealer = Sealer::from_settings(&SealSettings { keys, current: "k1".to_owned() }).unwrap();
    let credentials = Credentials { client: "app".to_owned(), token: "t".to_owned().into() };
    let session = Session::new(credentials, Timestamp::now());
    let cookie = session.cookie(&sealer).unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    let asked = Asked::default();
    let rest = Router::new().fallback(answer).with_state(Arc::clone(&asked));
    let portal = Router::new().nest("/portal", crate::routes(rest, sealer, 65_536, Duration::from_secs(10)));
    World { portal, cookie, csrf: session.csrf().to_owned(), asked }
}

/// The API: what it is asked is noted.
async fn answer(State(asked): State<Asked>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let key = parts.headers.contains_key("idempotency-key");
    let place = parts.uri.to_string().replacen("/api/v2/webhooks", "", 1);
    let body = String::from_utf8_lossy(&body).into_owned();
    asked.lock().unwrap().push(format!("{} {place} {body}{}", parts.method, if key { " once" } else { "" }));
    let (status, body) = answer_to(&parts.method, place.split('?').next().unwrap(), &body);
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn answer_to(method: &Method, place: &str, body: &str) -> (StatusCode, Value) {
    let problem = json!({"detail": "the body is not valid", "errors": [{"pointer": "/why", "detail": "must be short"}]});
    let ok = |body| (StatusCode::OK, body);
    match (method.as_str(), place) {
        ("GET", "/me") => {
            ok(json!({"client": "app", "operator": "OPX", "scopes": ["read", "write"], "contracts": [],
            "eventTypes": ["OrderCreated"], "profiles": []}))
        }
        ("GET", "/escalations") => ok(json!({"total": 0})),
        ("GET", "/event-types") => {
            ok(json!({"eventTypes": [{"name": "OrderCreated", "title": "Order created", "family": "order",
            "kind": "fact", "when": "", "subject": null, "entitled": true}]}))
        }
        ("GET", "/subscriptions") => {
            ok(json!([{"id": "w-1", "event": "OrderCreated", "callbackUrl": "https://a.example/x"}]))
        }
        ("GET", "/deliveries") => {
            ok(json!({"deliveries": [delivery()], "next": "c.1", "total": 10_000, "totalIsAtLeast": true}))
        }
        ("GET", place) if place == format!("/deliveries/{ID}") => ok(detail()),
        ("GET", place) if place == format!("/tasks/{TASK}") => ok(task()),
        ("POST", "/redeliveries") if body.contains("dryRun") => {
            ok(json!({"dryRun": true, "matching": 3, "first": []}))
        }
        ("POST", "/redeliveries") => (StatusCode::ACCEPTED, task()),
        ("POST", _) if body.contains("too long") => (StatusCode::BAD_REQUEST, problem),
        ("POST", _) => {
            (StatusCode::ACCEPTED, json!({"id": format!("{ID}-ab"), "webhookId": ID, "redeliveryOf": ID}))
        }
        ("DELETE", _) => (StatusCode::CONFLICT, json!({"detail": "it is over already"})),
        _ => (StatusCode::NOT_FOUND, json!({"detail": "no such thing"})),
    }
}

fn delivery() -> Value {
    json!({
        "id": ID, "webhookId": ID, "run": "live", "subscriptionId": "w-1", "eventType": "OrderCreated", "eventId": "e/1",
        "subject": HOSTILE, "environment": "production", "status": "ESCALATED", "issuedAtDateTime": "2026-11-21T10:50:02.118Z",
        "changedAtDateTime": "2026-11-21T10:50:08.000Z", "attemptsMade": 2, "lastOutcome": "timeout", "lastStatus": null,
        "nextAttemptAtDateTime": null,
    })
}

fn detail() -> Value {
    let mut detail = delivery();
    for (name, value) in [
        (
            "attempts",
            json!([{"number": 1, "startedAt": "2026-11-21T10:50:02Z", "durationMs": 212, "outcome": "http_5xx",
            "status": 503, "problem": null, "tlsProblem": null, "excerpt": HOSTILE}]),
        ),
        ("next", json!({"what": format!("people deal with it: see escalation {ID}")})),
        ("callbackUrl", json!("https://a.example/x")),
        ("event", json!({"id": "e/1", "data": {"agwID": "AGW-1"}})),
        ("body", json!(json!({"id": "e/1", "text": HOSTILE}).to_string())),
        ("bodyIs", json!("as_sent")),
        (
            "request",
            json!({"url": "https://a.example/x", "headers": [{"name": "content-type", "value": "application/json"},
            {"name": "authorization", "value": null}, {"name": "webhook-timestamp", "value": null}]}),
        ),
    ] {
        detail[name] = value;
    }
    detail
}

fn task() -> Value {
    json!({
        "id": TASK, "state": "RUNNING", "createdBy": "app", "createdAtDateTime": "2026-11-21T10:52:00.000Z",
        "updatedAtDateTime": "2026-11-21T10:52:04.000Z", "detail": null,
        "progress": {"seen": 4000, "sent": 3990, "leftOut": 10, "waiting": 120},
        "redelivery": {"status": ["ESCALATED"], "subscriptionId": "gone", "eventType": null, "subject": HOSTILE, "since": null,
            "until": "2026-11-21T10:52:00.000Z"},
    })
}

impl World {
    async fn ask(&self, request: axum::http::request::Builder, body: Body) -> Answered {
        self.asked.lock().unwrap().clear();
        let request = request.header(COOKIE, &self.cookie).header("sec-fetch-site", "same-origin");
        let response = self.portal.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = |name: &str| {
            parts.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let page = body.collect().await.unwrap().to_bytes();
        Answered {
            status: parts.status,
            location: text(LOCATION.as_str()),
            pushed: text("hx-push-url"),
            page: String::from_utf8(page.to_vec()).unwrap(),
        }
    }

    async fn get(&self, place: &str) -> Answered {
        let answered = self.ask(Request::get(place), Body::empty()).await;
        assert!(!answered.page.contains("<script>") && !answered.page.contains("\"'>"), "{}", answered.page);
        answered
    }

    async fn part(&self, place: &str, target: &str) -> Answered {
        let request = Request::get(place).header("hx-request", "true").header("hx-target", target);
        self.ask(request, Body::empty()).await
    }

    async fn post(&self, place: &str, fields: &[(&str, &str)]) -> Answered {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(place).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, Body::from(form)).await
    }

    /// What the API was asked that begins so.
    fn asked(&self, beginning: &str) -> Option<String> {
        self.asked.lock().unwrap().iter().find(|asked| asked.starts_with(beginning)).cloned()
    }
}

#[tokio::test]
async fn the_list_asks_what_its_filters_say_and_keeps_them_in_the_address() {
    let world = world();
    let query = "status=ESCALATED&webhook=w-1&attempts=2-5&last=connection&sort=issued&evil=1";
    let list = world.get(&format!("/portal/deliveries?{query}")).await;
    let expected = "GET /deliveries?status=ESCALATED&subscriptionId=w-1&attemptsMin=2&attemptsMax=5&\
        lastOutcome=dns%2Cconnect%2Ctls&sort=issueDate&limit=50&total=true ";
    assert_eq!(world.asked("GET /deliveries").as_deref(), Some(expected));
    assert!(list.page.contains("Showing more than 10,000 deliveries.") && list.page.contains(" (4 set)"));
    assert!(list.page.contains("clear the filter Attempts and Last answer"), "{}", list.page);
    assert!(list.page.contains("<option value=\"w-1\" selected>a.example/x</option>"), "{}", list.page);
    let tidied = world.get(&format!("/portal/deliveries?{query}&type=")).await;
    let rows = world.part(&format!("/portal/deliveries?{query}&type="), "rows").await;
    let kept = "/portal/deliveries?status=ESCALATED&webhook=w-1&attempts=2-5&last=connection&sort=issued";
    assert_eq!((rows.pushed.as_str(), tidied.location.as_str()), (kept, kept));
    assert_eq!(tidied.status, StatusCode::SEE_OTHER);
    assert!(rows.page.starts_with("<tr") && !rows.page.contains("<form"), "{}", rows.page);
}

#[tokio::test]
async fn what_is_not_understood_is_not_asked_for() {
    let world = world();
    let list = world.get("/portal/deliveries?attempts=many").await;
    assert_eq!((list.status, world.asked("GET /deliveries")), (StatusCode::OK, None));
    assert!(list.page.contains("that is no number of attempts") && list.page.contains("value=\"many\""));
}

#[tokio::test]
async fn a_row_opens_with_htmx_and_leads_to_its_page_without() {
    let world = world();
    let opened = world.part(&format!("/portal/deliveries/{ID}/row"), "").await;
    for shown in ["Decide about it", "As it was sent, but indented here.", "hidden", "503", "212 ms"] {
        assert!(opened.page.contains(shown), "{shown}: {}", opened.page);
    }
    let without = world.get(&format!("/portal/deliveries/{ID}/row")).await;
    assert_eq!(without.location, format!("/portal/deliveries/{ID}"));
    let page = world.get(&format!("/portal/deliveries/{ID}?done=redelivered")).await;
    assert!(!page.page.contains("Next open one"), "{}", page.page);
    let of_escalation = world.get(&format!("/portal/deliveries/{ID}?done=sent")).await.page;
    assert!(
        of_escalation.contains("It is sent again") && of_escalation.contains("Next open one"),
        "{of_escalation}"
    );
    for shown in ["It is sent again", "2026-11-21 10:50:02.118 UTC", "/portal/events/e%2F1", "name=\"once\""]
    {
        assert!(page.page.contains(shown), "{shown}: {}", page.page);
    }
    assert_eq!(world.get("/portal/deliveries/msg_other").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_is_sent_again_once_and_leads_to_its_new_run() {
    let world = world();
    let place = format!("/portal/deliveries/{ID}/redeliver");
    assert!(world.get(&place).await.page.contains("Redeliver this delivery?"));
    assert_eq!(world.post(&place, &[("why", "x")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.asked("POST"), None);
    let sent = world.post(&place, &[("csrf", &world.csrf), ("once", TASK), ("why", " repaired ")]).await;
    let asked = format!("POST /deliveries/{ID}/redeliveries {} once", json!({"why": "repaired"}));
    assert_eq!(world.asked("POST"), Some(asked));
    assert_eq!(sent.location, format!("/portal/deliveries/{ID}-ab?done=redelivered"));
    let again = world.post(&place, &[("csrf", &world.csrf), ("once", TASK), ("why", "too long")]).await;
    for kept in ["Must be short.", "value=\"too long\"", TASK] {
        assert!(again.page.contains(kept), "{kept}: {}", again.page);
    }
}

#[tokio::test]
async fn what_is_filtered_is_sent_again_as_it_was_asked_about() {
    let world = world();
    let asks = world
        .get("/portal/deliveries/redeliver?status=ESCALATED&webhook=w-1&until=2026-11-21T10:52:00Z")
        .await;
    assert!(asks.page.contains("Redeliver 3 deliveries?") && asks.page.contains("Given up"), "{}", asks.page);
    assert!(world.asked("POST /redeliveries").unwrap().contains("\"dryRun\":true"));
    let until = "2026-11-21T10:52:00.000Z";
    assert!(asks.page.contains(&format!("name=\"until\" value=\"{until}\"")), "{}", asks.page);
    for (query, said) in
        [("status=PARKED", "Only what has ended"), ("status=ENDED&last=5xx", "but not by Last answer")]
    {
        let page = world.get(&format!("/portal/deliveries/redeliver?{query}")).await.page;
        assert!(page.contains(said) && !page.contains("name=\"once\""), "{page}");
    }
    let fields = [
        ("csrf", world.csrf.as_str()),
        ("status", "ESCALATED"),
        ("webhook", "w-1"),
        ("until", until),
        ("once", TASK),
    ];
    let begun = world.post("/portal/deliveries/redeliver", &fields).await;
    let body = json!({"status": ["ESCALATED"], "subscriptionId": "w-1", "until": until});
    assert_eq!(world.asked("POST"), Some(format!("POST /redeliveries {body} once")));
    assert_eq!(begun.location, format!("/portal/tasks/{TASK}"));
    let taken = world.get("/portal/deliveries/redeliver?status=ENDED&until=2026-11-21T10:52:00Z").await.page;
    for (page, is_warned) in [(&taken, true), (&asks.page, false)] {
        assert_eq!(
            (page.contains("class=\"risk\""), page.contains("acts on them twice")),
            (is_warned, is_warned),
            "{page}"
        );
    }
    // Without its end it would be something else.
    let incomplete = world.post("/portal/deliveries/redeliver", &fields[..3]).await;
    assert_eq!((incomplete.status, world.asked("POST")), (StatusCode::BAD_REQUEST, None));
}

#[tokio::test]
async fn a_task_is_watched_and_stopped() {
    let world = world();
    let page = world.get(&format!("/portal/tasks/{TASK}")).await.page;
    for shown in ["Redelivery under way", "3,990", "Deleted: gone", "every 2s", "/stop"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let part = world.part(&format!("/portal/tasks/{TASK}"), "task").await.page;
    assert!(part.starts_with("<div id=\"task\""), "{part}");
    let stopped = world.post(&format!("/portal/tasks/{TASK}/stop"), &[("csrf", &world.csrf)]).await;
    assert_eq!(stopped.location, format!("/portal/tasks/{TASK}"));
    assert_eq!(world.asked("DELETE"), Some(format!("DELETE /tasks/{TASK} ")));
}
