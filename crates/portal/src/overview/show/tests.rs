use serde_json::json;

use super::*;
use crate::overview::settings::tests::subscription;

/// The part of the page that is this module's.
#[derive(Template)]
#[template(path = "webhook-main.html")]
struct Main<'a> {
    about: About,
    csrf: &'a str,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn page(more: &serde_json::Value, overview: Option<&serde_json::Value>) -> String {
    let overview = overview.map(|overview| serde_json::from_value::<Overview>(overview.clone()).unwrap());
    let subscription = subscription(more);
    let now = at("2026-11-21T10:52:00Z");
    let mut about = About::of(
        subscription,
        overview.as_ref(),
        &Policies::default(),
        Once::new().unwrap(),
        &Zone::utc(),
        now,
    );
    about.may_write = true;
    Main { about, csrf: "c" }.render().unwrap()
}

fn hours(delivered: u64) -> serde_json::Value {
    json!([{"since": "2026-11-21T10:00:00.000Z", "delivered": delivered, "failedAttempts": 0, "escalated": 0,
            "answerMsMedian": null, "answerMsP95": null}])
}

#[test]
fn an_empty_overview_is_a_page_that_says_so() {
    for empty in [json!({}), json!({"hours": hours(0)})] {
        let page = page(&json!({}), Some(&empty));
        assert!(
            page.contains("Nothing was delivered in the last 24 hours") && page.contains("nothing ended"),
            "{page}"
        );
        assert!(!page.contains(r#"id="breaker""#) && !page.contains("style="), "{page}");
    }
    let without = page(&json!({}), None);
    assert!(without.contains("cannot be read right now") && without.contains("Settings"), "{without}");
}

#[test]
fn pictures_have_a_sentence_and_numbers() {
    let page = page(&json!({}), Some(&json!({"hours": hours(u64::MAX)})));
    assert!(
        page.contains(r#"role="img" aria-label="In the last 1 hours: 18,446,744,073,709,551,615 delivered"#),
        "{page}"
    );
    assert!(page.contains(r#"<td>18,446,744,073,709,551,615</td>"#), "{page}");
    assert_eq!(page.matches(r#"<rect class="p-bar" x="14.00""#).count(), 1);
}

#[test]
fn what_is_inactive_says_what_that_means_and_can_be_made_active() {
    const FORM: &str = r#"action="/portal/webhooks/s-1/activate""#;
    let paused = page(&json!({"status": "INACTIVE"}), None);
    for part in
        ["It is inactive", "Nothing is sent to it", FORM, r#"name="csrf" value="c""#, r#"name="etag""#]
    {
        assert!(paused.contains(part), "{part}: {paused}");
    }
    let gone = page(&json!({"status": "INACTIVE", "statusReason": "answered 410"}), None);
    for part in ["Aerogram made it inactive", "Answered 410.", "/portal/escalations?webhook=s-1", FORM] {
        assert!(gone.contains(part), "{part}: {gone}");
    }
    let expired = page(&json!({"status": "INACTIVE", "expirationDateTime": "2026-11-21T10:52:00Z"}), None);
    assert!(expired.contains("It has expired") && !expired.contains(FORM), "{expired}");
    assert!(!page(&json!({}), None).contains(FORM));
}

#[test]
fn what_was_done_is_said_only_where_it_is_so() {
    assert_eq!(said("saved", true), Some("Saved. It counts for new events at once."));
    assert_eq!(said("saved", false), Some("Saved. It is inactive, so nothing is sent to it."));
    assert!(said("activated", true).is_some() && said("activated", false).is_none());
    assert!(said("overtaken", false).is_some() && said("<b>", true).is_none());
}

#[test]
fn a_webhook_is_called_by_its_name() {
    let named = page(&json!({"name": "Orders & more"}), None);
    let (url, name) = ("<bdi>a.<wbr>example/<wbr>x</bdi>", "<bdi>Orders &#38; more</bdi>");
    assert!(named.contains(&format!("<h1>{name}</h1><p class=\"lede wrap\">{url}</p>")), "{named}");
    for more in [json!({}), json!({"name": " "})] {
        let plain = page(&more, None);
        assert!(plain.contains(&format!("<h1>{url}</h1><p class=\"lede pair\">")), "{plain}");
    }
}

#[test]
fn no_picture_is_drawn_of_answers_that_never_came() {
    let none = page(&json!({}), Some(&json!({"hours": hours(3)})));
    assert!(none.contains("There was no answer in the last 24 hours."), "{none}");
    assert_eq!(none.matches(r#"role="img""#).count(), 1, "{none}");
    assert!(!none.contains("Half are faster") && !none.contains("Answer times by the hour"), "{none}");
}

#[test]
fn text_of_others_is_text() {
    let evil = "<script>\"'&";
    let page = page(
        &json!({"callbackUrl": "https://a.example/<script>", "name": evil, "event": evil, "environment": evil, "profile": evil,
                "policy": evil, "statusReason": evil, "id": "../x?<script>", "headers": [evil], "contractId": evil}),
        Some(&json!({"receiver": {"state": "shut"}, "lastFailure": {
            "id": evil, "atDateTime": "2026-11-21T10:00:00.000Z", "outcome": evil, "status": 500, "excerpt": evil}})),
    );
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("/portal/webhooks/..%2Fx%3F%3Cscript%3E/edit"), "{page}");
    assert!(page.contains("Shut") && page.contains("&#60;script&#62;"), "{page}");
}

#[test]
fn a_webhook_is_renewable_in_the_five_days_before_its_end() {
    let expiry = |now: &str| Expiry::of(Some(at("2026-12-14T09:20:00Z")), &Zone::utc(), at(now));
    let end = Zone::utc().second(at("2026-12-14T09:20:00Z"));
    let from = Zone::utc().minute(at("2026-12-09T09:20:00Z"));
    assert_eq!(expiry("2026-12-09T09:19:59Z"), Expiry::Later(end.clone(), from));
    assert!(expiry("2026-12-09T09:20:00Z").is_renewable());
    assert_eq!(expiry("2026-12-14T09:20:00Z"), Expiry::Over(end));
    assert_eq!(Expiry::of(None, &Zone::utc(), Timestamp::MAX), Expiry::Never);
}
