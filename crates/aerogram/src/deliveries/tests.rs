use super::options::{Begin, RedeliverArgs, TestArgs};
use super::repair::{dry_run, part, progress, redeliver, test, tested};
use crate::fake_api::FakeApi;
use crate::reach::Who;
use serde_json::{Value, json};

fn all(dry_run: bool) -> RedeliverArgs {
    RedeliverArgs {
        id: None,
        all: true,
        status: vec!["DELIVERED".to_owned()],
        subscription: Some("s-1".to_owned()),
        event: None,
        subject: None,
        since: None,
        until: None,
        begin: Begin { dry_run, no_wait: false },
        who: Who::default(),
    }
}

fn task(state: &str) -> Value {
    json!({"id": "t-1", "state": state, "progress": {"seen": 3, "sent": 2, "leftOut": 1}, "detail": null})
}

#[tokio::test]
async fn a_task_is_begun_once_and_waited_for() {
    let mut answers = vec![(503, json!({})), (202, task("RUNNING")), (200, task("DONE"))].into_iter();
    let api = FakeApi::start(move |_| answers.next());
    redeliver(&api.http(), &all(false)).await.unwrap();
    let asked = api.asked();
    let calls: Vec<_> = asked.iter().map(|asked| asked.what.as_str()).collect();
    let post = "POST /api/v2/webhooks/redeliveries";
    assert_eq!(calls, [post, post, "GET /api/v2/webhooks/tasks/t-1"]);
    assert!(asked[0].key.is_some() && asked[0].key == asked[1].key, "the same wish");
    let body: Value = serde_json::from_str(&asked[1].body).unwrap();
    assert_eq!(body, json!({"status": ["DELIVERED"], "subscriptionId": "s-1"}));
}

#[tokio::test]
async fn a_dry_run_and_a_test_are_one_question() {
    let api = FakeApi::start(|_| Some((200, json!({"dryRun": true, "matching": 7, "first": []}))));
    redeliver(&api.http(), &all(true)).await.unwrap();
    assert!(api.asked()[0].body.contains("\"dryRun\":true"));
    let answer = json!({"id": "msg_1", "eventType": "FLIGHT_CREATE", "status": "EXPIRED", "attempt": null});
    let api = FakeApi::start(move |_| Some((200, answer.clone())));
    let args = TestArgs { subscription: "s-1".to_owned(), event: None, who: Who::default() };
    test(&api.http(), &args).await.unwrap();
    assert_eq!(api.calls(), ["POST /api/v2/webhooks/subscriptions/s-1/test-events"]);
}

#[test]
fn answers_are_told_in_words() {
    assert_eq!(progress(&task("DONE")), "DONE  3 match, 2 sent, 1 left out");
    let mut cancelled = task("CANCELLED");
    cancelled["detail"] = json!("cancelled by app-1");
    cancelled["progress"]["waiting"] = json!(1);
    assert_eq!(
        progress(&cancelled),
        "CANCELLED: cancelled by app-1  3 match, 2 sent, 1 of them on their way, 1 left out"
    );
    assert_eq!(
        dry_run(&json!({"matching": 10_000, "matchingIsAtLeast": true})),
        "at least 10000 match; nothing was sent"
    );
    let replay =
        json!({"matching": 4, "wouldBeSent": 2, "repetitions": 1, "alreadyDelivered": 1, "complete": true});
    assert!(
        dry_run(&replay).starts_with("4 events match, 2 would be sent (1 repeat"),
        "{}",
        dry_run(&replay)
    );
    let attempt = json!({
        "outcome": "http_5xx", "status": 500, "durationMs": 12, "problem": null, "tlsProblem": null, "excerpt": "no such table",
    });
    let told = json!({"id": "msg_1", "eventType": "FLIGHT_CREATE", "status": "EXPIRED", "attempt": attempt});
    assert_eq!(tested(&told), "msg_1  FLIGHT_CREATE  not taken\n  http_5xx 500 after 12 ms\n  no such table");
    for wrong in ["", "../x", "a b", "a?b"] {
        assert!(part(wrong).is_err(), "{wrong}");
    }
}
