use serde_json::{Value, json};

use crate::overview::subscription_for_tests_json;
use crate::testing::{Known, World};

const ONE: &str = "/portal/escalations/msg_1";

fn summary(more: &Value) -> Value {
    let mut all = json!({
        "id": "msg_1", "webhookId": "msg_1", "escalatedAt": "2026-11-21T09:12:44.000Z", "state": "open", "reason": "exhausted",
        "fault": "receiver", "partner": "app", "operator": "OPX", "subscriptionId": "w-1", "eventType": "FLIGHT_TIME_UPDATE",
        "eventId": "e-1", "subject": "FL-20102", "environment": "production", "attemptsMade": 11, "lastOutcome": "timeout",
        "lastStatus": null, "resolution": null
    });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn known(more: Vec<Known>) -> Vec<Known> {
    let attempt = |number: u32| {
        json!({"number": number, "startedAt": "2026-11-18T08:02:10.000Z", "durationMs": 180, "outcome": "http_5xx", "status": 503,
               "problem": null, "tlsProblem": null, "excerpt": "upstream unavailable"})
    };
    let detail = summary(&json!({
        "callbackUrl": "https://ops.example.net/x", "policy": "standard", "acceptedAt": null,
        "event": {"id": "e-1", "type": "FLIGHT_TIME_UPDATE", "data": {"flightId": "FL-20102"}},
        "attempts": (1..=11).map(attempt).collect::<Vec<_>>()
    }));
    let dismissed =
        json!({"kind": "dismissed", "by": "app", "at": "2026-11-21T11:00:00.000Z", "why": "flight is over"});
    let rows = [
        summary(&json!({})),
        summary(&json!({"id": "msg_2", "state": "dismissed", "resolution": dismissed})),
    ];
    let mut all = vec![
        (
            "GET /escalations",
            200,
            json!({"escalations": rows, "next": "c-2", "total": 120, "totalIsAtLeast": false}),
        ),
        ("GET /escalations/msg_1", 200, detail),
        ("GET /subscriptions/w-1", 200, subscription_for_tests_json(&json!({"id": "w-1"}))),
    ];
    all.splice(0..0, more);
    all
}

#[tokio::test]
async fn one_that_the_log_holds_no_longer_is_not_called_unknown() {
    let gone = json!({"detail": "the log does not hold this escalation in full any more"});
    let page = World::of(known(vec![("GET /escalations/msg_1", 410, gone)])).get(ONE).await;
    assert_eq!(page.status.as_u16(), 410);
    assert!(page.page.contains("The log holds this no longer"), "{}", page.page);
    assert!(page.page.contains("The log does not hold this escalation in full any more."), "{}", page.page);
}

#[tokio::test]
async fn a_list_is_filtered_by_the_api() {
    let world = World::of(known(Vec::new()));
    let list = world.get("/portal/escalations?state=all&webhook=w-1").await.page;
    for part in [
        "120 escalations",
        "1 to 2 of 120",
        "Its last attempt failed",
        "“<bdi>flight is over</bdi>”",
        r#"id="f-state""#,
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(world.was_asked("GET /escalations?state=all&subscriptionId=w-1&limit=50&total=true"));
    let tidied = world.get("/portal/escalations?state=all&webhook=").await;
    assert_eq!((tidied.status.as_u16(), tidied.location.as_str()), (303, "/portal/escalations?state=all"));
    let rows = world.part("/portal/escalations?state=all&fault=", "rows").await;
    assert_eq!(rows.pushed, "/portal/escalations?state=all");
    assert!(rows.page.starts_with("<tr") && rows.page.contains(r#"id="pager""#), "{}", rows.page);
    let unread = World::of(vec![("GET /escalations", 503, json!({"detail": "not now"}))]);
    let rows = unread.part("/portal/escalations", "rows").await.page;
    assert!(rows.starts_with("<tr") && rows.contains("Not now."), "{rows}");
    let nothing = World::of(Vec::new()).get("/portal/escalations").await.page;
    assert!(nothing.contains("Nothing to do here"), "{nothing}");
}

#[tokio::test]
async fn one_is_sent_again_and_leads_to_its_new_run() {
    let sent = summary(&json!({"state": "redelivered", "resolution": {
        "kind": "redelivered", "by": "app", "at": "2026-11-21T11:00:00.000Z", "redeliveredAs": "msg_1-5b"}}));
    let again = ("POST /escalations/msg_1/redeliveries", 202, sent);
    let world = World::of(known(vec![again.clone(), ("GET /deliveries/msg_1-5b", 200, json!({}))]));
    let answered = world.post(&format!("{ONE}/redeliver"), &[("why", " repaired ")]).await;
    assert_eq!(
        (answered.status.as_u16(), answered.location.as_str()),
        (303, "/portal/deliveries/msg_1-5b?done=sent")
    );
    assert_eq!(world.changes(), [r#"POST /escalations/msg_1/redeliveries {"why":"repaired"}"#]);
    let next = world.get("/portal/escalations/next").await;
    assert_eq!(next.location, ONE);
    assert!(world.was_asked("GET /escalations?state=open&limit=1"));
    let not_yet = World::of(known(vec![again])).post(&format!("{ONE}/redeliver"), &[]).await;
    assert_eq!(not_yet.location, format!("{ONE}?done=redelivered"));
}

#[tokio::test]
async fn one_is_dismissed_only_with_a_reason() {
    let problem = json!({"detail": "the body is not valid", "errors": [
        {"pointer": "/why", "detail": "is required: say why nothing more will be done"}]});
    let refusing = World::of(known(vec![("POST /escalations/msg_1/dismissal", 400, problem)]));
    let refused = refusing.post(&format!("{ONE}/dismiss"), &[("why", "  ")]).await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(
        refused.page.contains(r#"id="why2-error">Say why nothing more will be done.</p>"#),
        "{}",
        refused.page
    );
    let late = json!({"detail": "it was sent again already"});
    let late = World::of(known(vec![("POST /escalations/msg_1/dismissal", 409, late)]));
    let late = late.post(&format!("{ONE}/dismiss"), &[("why", "<b>over")]).await;
    assert!(late.status.as_u16() == 409 && late.page.contains("It was sent again already."), "{late:?}");
    assert!(late.page.contains(r#"value="&#60;b&#62;over""#), "{}", late.page);
    let world = World::of(known(vec![("POST /escalations/msg_1/dismissal", 200, summary(&json!({})))]));
    let done = world.post(&format!("{ONE}/dismiss"), &[("why", "over")]).await;
    assert_eq!((done.status.as_u16(), done.location), (303, format!("{ONE}?done=dismissed")));
    let page = world.get(&format!("{ONE}?done=dismissed")).await.page;
    assert!(
        page.contains("Dismissed. Nothing more is sent.") && page.contains("/portal/escalations/next"),
        "{page}"
    );
    assert_eq!(world.get("/portal/escalations/msg_9").await.status.as_u16(), 404);
}
