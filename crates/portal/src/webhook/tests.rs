//! The pages that ask and tell.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::testing::{HOSTILE, assert_harmless, filled, subscription, text, viewer};
use super::{Once, about, delete, edit, new, preview, renew, rotate, test};
use crate::rest::Refused;
use crate::viewer::Viewing;

fn id() -> Path<String> {
    Path("s-1".to_owned())
}

fn with(field: &str, value: Value) -> Value {
    let mut of = subscription();
    of[field] = value;
    of
}

fn there(of: Value) -> (Method, &'static str, u16, Value) {
    (Method::GET, "/subscriptions/s-1", 200, of)
}

#[tokio::test]
async fn deleting_says_what_is_lost() {
    let of = || there(with("event", json!(HOSTILE)));
    let waiting = json!({"waiting": {"pending": 2, "retrying": 4, "parked": 118, "escalatedOpen": 1}, "countsAreAtLeast": false});
    let counted = (Method::GET, "/subscriptions/s-1/overview", 200, waiting);
    let (known, _) = viewer(vec![of(), counted], false).await;
    let page = text(delete::ask(Viewing(known), id()).await.unwrap()).await;
    assert_harmless(&page);
    let says = "<b>124 deliveries that wait are cancelled: 2 pending, 4 retrying, 118 parked.</b>";
    assert!(page.contains(says) && page.contains("This cannot be undone"), "{page}");
    let (unknown, calls) =
        viewer(vec![of(), (Method::DELETE, "/subscriptions/s-1", 200, json!({}))], false).await;
    let page = text(delete::ask(Viewing(unknown.clone()), id()).await.unwrap()).await;
    assert!(page.contains("<b>All deliveries that wait are cancelled</b>"), "{page}");
    assert!(calls.lock().unwrap().is_empty(), "asking deletes nothing");
    let done = delete::delete(Viewing(unknown), id(), filled(&[("etag", "\"3\"")])).await.unwrap();
    assert_eq!(done.headers().get(LOCATION).unwrap(), "/portal/webhooks?done=deleted");
    let calls = calls.lock().unwrap();
    assert_eq!((&calls[0].method, calls[0].if_match.as_deref()), (&Method::DELETE, Some("\"3\"")));
}

#[tokio::test]
async fn what_was_changed_since_it_was_shown_is_not_deleted() {
    let gone_on = || (Method::DELETE, "/subscriptions/s-1", 412, json!({"detail": "it is at \"3\""}));
    let (owner, _) = viewer(vec![there(subscription()), gone_on()], false).await;
    let shown = [("etag", "\"2\""), ("url", HOSTILE), ("event", "PRODUCT_ADDED"), ("status", "INACTIVE")];
    let response = delete::delete(Viewing(owner.clone()), id(), filled(&shown)).await.unwrap();
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
    let page = text(response).await;
    assert_harmless(&page);
    for part in [
        "so it was not deleted",
        "<dt>URL, before</dt><dd><bdi>=1+1&#60;b",
        "<dt>Status, before</dt><dd><bdi>Inactive",
        r#"name="etag" value="&#34;3&#34;""#,
        r#"name="status" value="ACTIVE""#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("Event Type, before"), "{page}");
    let same = delete::delete(Viewing(owner), id(), filled(&[("etag", "\"2\"")])).await.unwrap();
    assert!(text(same).await.contains("What this page shows of it is as it was."));
}

#[tokio::test]
async fn a_strangers_webhook_is_not_there() {
    let (viewer, calls) = viewer(Vec::new(), false).await;
    let refused = [
        edit::show(Viewing(viewer.clone()), id()).await.unwrap_err(),
        edit::save(Viewing(viewer.clone()), id(), filled(&[])).await.unwrap_err(),
        delete::ask(Viewing(viewer.clone()), id()).await.unwrap_err(),
        delete::delete(Viewing(viewer.clone()), id(), filled(&[])).await.unwrap_err(),
        renew::ask(Viewing(viewer.clone()), id()).await.unwrap_err(),
        renew::renew(Viewing(viewer.clone()), id(), filled(&[])).await.unwrap_err(),
        rotate::ask(Viewing(viewer.clone()), id()).await.unwrap_err(),
        rotate::rotate(Viewing(viewer.clone()), id(), filled(&[])).await.unwrap_err(),
        test::show(Viewing(viewer.clone()), id()).await.unwrap_err(),
        test::send(Viewing(viewer), id(), filled(&[])).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|refused| *refused == Refused::NotFound), "{refused:?}");
    let tried: Vec<_> = calls.lock().unwrap().iter().map(|call| call.path.clone()).collect();
    assert!(tried.iter().all(|path| path.starts_with("/subscriptions/s-1")), "{tried:?}");
}

#[tokio::test]
async fn who_may_only_read_gets_no_form() {
    let me = json!({"client": "c", "operator": "o", "scopes": ["read"], "contracts": [], "eventTypes": [], "profiles": []});
    let known = vec![(Method::GET, "/me", 200, me), there(subscription())];
    let (viewer, _) = viewer(known, false).await;
    let given = axum::extract::Query(new::Given::default());
    for refused in [
        new::show(Viewing(viewer.clone()), given).await.unwrap_err(),
        edit::show(Viewing(viewer.clone()), id()).await.unwrap_err(),
        delete::ask(Viewing(viewer.clone()), id()).await.unwrap_err(),
        rotate::ask(Viewing(viewer), id()).await.unwrap_err(),
    ] {
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn renewing_shows_both_dates() {
    let known = vec![
        there(with("expirationDateTime", json!("2026-11-24T13:05:00.000Z"))),
        (Method::POST, "/subscriptions/s-1/renewals", 200, json!({})),
    ];
    let (soon, calls) = viewer(known, false).await;
    let page = text(renew::ask(Viewing(soon.clone()), id()).await.unwrap()).await;
    for part in ["24 Nov 2026, 13:05:00", "24 Dec 2026, 13:05:00", "Renew until 24 December 2026"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let done = renew::renew(Viewing(soon), id(), filled(&[("etag", "\"3\"")])).await.unwrap();
    assert_eq!(done.headers().get(LOCATION).unwrap(), "/portal/webhooks/s-1?done=renewed");
    assert_eq!(calls.lock().unwrap()[0].if_match.as_deref(), Some("\"3\""));
    for (expires, says) in [
        (json!("2026-12-24T13:05:00.000Z"), "Can be renewed from"),
        (json!("2026-11-20T13:05:00.000Z"), "cannot be renewed"),
        (Value::Null, "It never expires"),
    ] {
        let (viewer, _) = viewer(vec![there(with("expirationDateTime", expires))], false).await;
        let page = text(renew::ask(Viewing(viewer), id()).await.unwrap()).await;
        assert!(page.contains(says) && !page.contains("Renew until"), "{says}\n{page}");
    }
}

#[tokio::test]
async fn another_key_is_shown_once() {
    let mut made = with("signingKey", json!("whsec_new"));
    made["previousSigningKeyUntilDateTime"] = json!("2026-11-22T11:00:00.000Z");
    let known = vec![there(subscription()), (Method::POST, "/subscriptions/s-1/signing-keys", 201, made)];
    let (owner, calls) = viewer(known, false).await;
    let page = text(rotate::ask(Viewing(owner.clone()), id()).await.unwrap()).await;
    assert!(page.contains(r#"name="overlap" value="24""#), "{page}");
    let typed = filled(&[("etag", "\"3\""), ("overlap", "48")]);
    let response = rotate::rotate(Viewing(owner), id(), typed).await.unwrap();
    assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    let page = text(response).await;
    assert!(page.contains("whsec_new") && page.contains("The key before signs as well until"), "{page}");
    assert_eq!(calls.lock().unwrap()[0].body, json!({"overlapHours": 48}));

    let wrong = json!({"detail": "no", "errors": [{"pointer": "/overlapHours", "detail": "must be a <b>number</b>"}]});
    let known = vec![there(subscription()), (Method::POST, "/subscriptions/s-1/signing-keys", 400, wrong)];
    let (owner, _) = viewer(known, false).await;
    let response = rotate::rotate(Viewing(owner), id(), filled(&[("overlap", HOSTILE)])).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let page = text(response).await;
    assert_harmless(&page);
    assert!(page.contains("Must be a &#60;b&#62;number") && page.contains("=1+1&#60;b"), "{page}");

    let overtaken = json!({"detail": "it is at \"4\""});
    let known =
        vec![there(subscription()), (Method::POST, "/subscriptions/s-1/signing-keys", 412, overtaken)];
    let (owner, _) = viewer(known, false).await;
    let response = rotate::rotate(Viewing(owner), id(), filled(&[("etag", "\"2\"")])).await.unwrap();
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
    assert!(text(response).await.contains("No other key was made"));
}

fn tested(attempt: &Value) -> Value {
    json!({
        "id": "msg_1", "webhookId": "msg_1", "eventId": "e", "eventType": "PRODUCT_ADDED", "status": "PENDING",
        "attempt": attempt, "body": format!("{{\"a\":\"{}\"}}", HOSTILE.replace('"', "\\\"")),
        "request": {"url": "https://a.example/h", "headers": [{"name": "x-a", "value": HOSTILE}, {"name": "authorization", "value": null}]},
    })
}

#[tokio::test]
async fn a_test_shows_request_answer_and_time() {
    let attempt = json!({"number": 1, "startedAt": "2026-11-21T11:00:00.000Z", "durationMs": 84, "outcome": "delivered",
        "status": 200, "problem": null, "tlsProblem": null, "excerpt": HOSTILE});
    let path = "/subscriptions/s-1/test-events";
    let known = vec![there(subscription()), (Method::POST, path, 200, tested(&attempt))];
    let (owner, calls) = viewer(known, false).await;
    let page = text(test::show(Viewing(owner.clone()), id()).await.unwrap()).await;
    assert!(
        page.contains(r#"<option value="PRODUCT_ADDED" selected>"#) && page.contains("Send test event"),
        "{page}"
    );
    let page =
        text(test::send(Viewing(owner), id(), filled(&[("event", "FLIGHT_CREATE")])).await.unwrap()).await;
    assert_harmless(&page);
    for part in [
        "The receiver took it",
        "Answer 200 OK after 84 ms",
        "POST /h",
        r#"<span class="secret">hidden</span>"#,
        "Send another",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert_eq!(calls.lock().unwrap()[0].body, json!({"eventType": "FLIGHT_CREATE"}));
    assert!(!page.contains("Nothing was sent this time"), "{page}");

    let known = vec![there(subscription()), (Method::POST, path, 202, tested(&Value::Null))];
    let (at_work, _) = viewer(known, true).await;
    let part = text(test::send(Viewing(at_work), id(), filled(&[])).await.unwrap()).await;
    assert!(part.contains("It is still under way") && part.contains("/portal/deliveries/msg_1"), "{part}");
    assert!(!part.contains("<html") && part.contains("hx-swap-oob"), "{part}");

    let known =
        vec![there(subscription()), (Method::POST, path, 409, json!({"detail": "it is <b>inactive</b>"}))];
    let (owner, _) = viewer(known, false).await;
    let page = text(test::send(Viewing(owner), id(), filled(&[])).await.unwrap()).await;
    assert!(page.contains("It is &#60;b&#62;inactive&#60;/b&#62;. Nothing was sent."), "{page}");
}

#[tokio::test]
async fn its_own_type_is_tested_unless_another_is_looked_for() {
    let (owner, _) = viewer(vec![there(subscription())], false).await;
    let page = text(test::show(Viewing(owner), id()).await.unwrap()).await;
    for part in [
        "<details><summary>Another type than Product Added</summary>",
        r#"<option value="PRODUCT_ADDED" selected>Product Added · PRODUCT_ADDED</option>"#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let known = vec![
        there(subscription()),
        (Method::POST, "/subscriptions/s-1/test-events", 202, tested(&Value::Null)),
    ];
    let (owner, _) = viewer(known, false).await;
    let page =
        text(test::send(Viewing(owner), id(), filled(&[("event", "FLIGHT_CREATE")])).await.unwrap()).await;
    assert!(page.contains("<details open><summary>Another type than"), "{page}");
}

#[tokio::test]
async fn an_inactive_one_says_what_to_do_instead_of_sending() {
    for (expires, says, may_start) in [
        (Value::Null, "Nothing is sent to it, tests included", true),
        (json!("2026-11-21T11:00:00Z"), "This webhook has expired", false),
    ] {
        let mut of = with("status", json!("INACTIVE"));
        of["expirationDateTime"] = expires;
        let (owner, _) = viewer(vec![there(of)], false).await;
        let page = text(test::show(Viewing(owner), id()).await.unwrap()).await;
        assert!(page.contains(says) && !page.contains("id=\"send\""), "{page}");
        assert_eq!(page.contains(r#"action="/portal/webhooks/s-1/activate""#), may_start, "{page}");
        assert_eq!(page.contains(r#"name="etag" value="&#34;3&#34;""#), may_start, "{page}");
    }
}

#[tokio::test]
async fn one_page_sends_one_test() {
    let attempt = json!({"number": 1, "startedAt": "2026-11-21T11:00:00.000Z", "durationMs": 84, "outcome": "delivered",
        "status": 200, "problem": null, "tlsProblem": null, "excerpt": null});
    let path = "/subscriptions/s-1/test-events";
    let mut again = tested(&attempt);
    again["body"] = Value::Null;
    let once = Once::new().unwrap();
    let typed = [("once", once.field())];
    for is_part in [false, true] {
        let known = vec![there(subscription()), (Method::POST, path, 200, again.clone())];
        let (owner, calls) = viewer(known, is_part).await;
        let page = text(test::send(Viewing(owner), id(), filled(&typed)).await.unwrap()).await;
        assert_eq!(calls.lock().unwrap()[0].key, Some(once.idempotency_key()));
        assert!(page.contains("Nothing was sent this time") && page.contains("is not kept"), "{page}");
        assert!(
            page.contains(r#"id="once" value=""#) && !page.contains(once.field()),
            "the next is another: {page}"
        );
    }
    // Nobody knows whether that one was sent, so it is the same one that is asked for again.
    let lost =
        vec![there(subscription()), (Method::POST, path, 503, json!({"detail": "it was not confirmed"}))];
    let (owner, _) = viewer(lost, true).await;
    let part = text(test::send(Viewing(owner), id(), filled(&typed)).await.unwrap()).await;
    assert!(part.contains(once.field()) && part.contains("Whether it was sent is not known"), "{part}");
}

#[tokio::test]
async fn parts_are_answered_alone() {
    let (viewer, _) = viewer(Vec::new(), true).await;
    let asked = axum::extract::Query::try_from_uri(&"/?event=PRODUCT_ADDED".parse().unwrap()).unwrap();
    let part = text(about::about(Viewing(viewer.clone()), asked).await.unwrap()).await;
    assert!(part.starts_with("It happens. Each one counts") && !part.contains("<html"), "{part}");
    let unknown = axum::extract::Query::try_from_uri(&"/?event=%3Cb%3E".parse().unwrap()).unwrap();
    let part = text(about::about(Viewing(viewer.clone()), unknown).await.unwrap()).await;
    assert!(part.starts_with("Choose a type"), "{part}");
    let typed = filled(&[("event", "PRODUCT_ADDED"), ("body", "own"), ("template", "{<b>")]);
    let part = text(preview::preview(Viewing(viewer), typed).await.unwrap()).await;
    assert!(part.contains("hx-swap-oob") && !part.contains("<html"), "{part}");
}
