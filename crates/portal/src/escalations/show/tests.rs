use serde_json::{Value, json};

use super::super::row::tests::{escalation, types};
use super::*;

/// The part of the page that is this module's.
#[derive(Template)]
#[template(path = "escalation-main.html")]
struct Main<'a> {
    about: About,
    csrf: &'a str,
}

const EVENT: &str = r#"{"id":"e-1","type":"T","data":{"b":1,"a":"</code><script>"}}"#;

fn more(event: &str) -> More {
    let attempt = json!({"number": 1, "startedAt": "2026-11-21T09:00:00.000Z", "durationMs": 10_000, "outcome": "timeout",
                         "status": null, "problem": null, "tlsProblem": null, "excerpt": "<script>"});
    let text = json!({"callbackUrl": "https://a.example/<script>", "policy": "standard<script>", "attempts": [attempt]});
    let text = text.to_string().replacen('{', &format!("{{\"event\":{event},"), 1);
    serde_json::from_str(&text).unwrap()
}

fn webhook(status: &str) -> Subscription {
    crate::overview::subscription_for_tests(&json!({"status": status}))
}

fn about(of: &Value, webhook: Option<&Subscription>, may_write: bool) -> About {
    About::of(&escalation(of), &more(EVENT), webhook, &types(), &Zone::utc(), may_write)
}

fn shown(about: About) -> String {
    Main { about, csrf: "c" }.render().unwrap()
}

#[test]
fn what_is_open_can_be_sent_again_or_let_be() {
    let active = webhook("ACTIVE");
    let page = shown(about(&json!({}), Some(&active), true));
    assert!(page.contains(r#"action="/portal/escalations/msg_4c1f/redeliver""#), "{page}");
    assert!(page.contains(r#"action="/portal/escalations/msg_4c1f/dismiss""#), "{page}");
    assert!(
        page.contains("Nothing happens until somebody decides") && !page.contains(r#"id="errors""#),
        "{page}"
    );
    // As the publisher wrote it.
    assert!(page.find("&#34;b&#34;: 1").unwrap() < page.find("&#34;a&#34;: ").unwrap(), "{page}");
    for may_not in [
        about(&json!({}), Some(&active), false),
        about(&json!({"state": "redelivered"}), Some(&active), true),
    ] {
        assert_eq!((may_not.redeliver, may_not.may_dismiss), (Redeliver::Not, false));
    }
    assert_eq!(about(&json!({}), None, true).redeliver, Redeliver::NoWebhook);
    assert_eq!(about(&json!({}), Some(&webhook("INACTIVE")), true).redeliver, Redeliver::Inactive);
    let dismissed = about(&json!({"state": "dismissed"}), Some(&active), true);
    assert_eq!((dismissed.redeliver, dismissed.may_dismiss), (Redeliver::Offered, false));
}

#[test]
fn an_error_stands_beside_its_field_and_nothing_typed_is_lost() {
    let mut about = about(&json!({}), Some(&webhook("ACTIVE")), true);
    about.tried.dismiss = Field { value: "\"><b>".to_owned(), error: Some("Say why.".to_owned()) };
    let page = shown(about);
    assert!(page.contains(r#"<p class="error" id="why2-error">Say why.</p>"#), "{page}");
    assert!(page.contains(r#"aria-invalid="true" aria-describedby="why2-hint why2-error""#), "{page}");
    assert!(page.contains("&#34;&#62;&#60;b&#62;") && page.contains(r##"<a href="#why2">"##), "{page}");
}

#[test]
fn what_was_decided_is_shown_with_its_reason() {
    let resolution = json!({"kind": "redelivered", "by": "partner-app", "at": "2026-11-21T11:00:00.000Z", "why": "<i>fixed",
                            "redeliveredAs": "msg_4c1f-5b"});
    let page = shown(about(&json!({"state": "redelivered", "resolution": resolution}), None, true));
    assert!(
        page.contains(r#"href="/portal/deliveries/msg_4c1f-5b""#) && page.contains("&#60;i&#62;fixed"),
        "{page}"
    );
}

#[test]
fn text_of_others_is_text() {
    let evil = "<script>\"'&";
    let of = json!({"id": evil, "eventType": evil, "eventId": evil, "subject": evil, "reason": evil, "fault": evil, "state": "open"});
    let page = shown(about(&of, Some(&webhook("ACTIVE")), true));
    assert!(!page.contains("<script"), "{page}");
    let hidden = About::of(
        &escalation(&json!({})),
        &more(r#"{"id":"e","data":null}"#),
        None,
        &types(),
        &Zone::utc(),
        true,
    );
    assert!(hidden.is_hidden && shown(hidden).contains("not entitled"));
}
