use serde_json::{Value, json};

use super::subscription_for_tests_json as subscription;
use crate::testing::World;

fn day() -> Value {
    let hour = |number: u64| {
        let since = format!("2026-11-{}T{:02}:00:00.000Z", 20 + (number + 11) / 24, (number + 11) % 24);
        let fails = number > 19;
        json!({"since": since, "delivered": if fails { 0 } else { 20 + number * 7 }, "failedAttempts": if fails { 40 } else { 0 },
               "escalated": 0, "answerMsMedian": if fails { None } else { Some(70 + number) },
               "answerMsP95": if fails { None } else { Some(120 + number * number * 3) }})
    };
    (0..24).map(hour).collect()
}

#[tokio::test]
async fn a_webhook_shows_how_it_does_and_how_it_is_set_up() {
    let overview = json!({
        "hours": day(), "waiting": {"pending": 2, "retrying": 4, "parked": 118, "escalatedOpen": 3},
        "ended24h": {"delivered": 2096, "escalated": 3, "other": 130}, "nextAttemptAtDateTime": "2026-11-21T10:53:10.000Z",
        "lastSuccess": {"id": "msg_1", "atDateTime": "2026-11-21T08:13:58.000Z"},
        "lastFailure": {"id": "msg_2", "atDateTime": "2026-11-21T10:50:02.000Z", "outcome": "http_5xx", "status": 503,
                        "excerpt": "upstream unavailable"},
        "receiver": {"state": "shut", "failingSince": "2026-11-21T08:14:20.000Z", "nextProbeAtDateTime": "2026-11-21T10:52:40.000Z",
                     "becomesInactiveAtDateTime": "2026-11-26T08:14:20.000Z"}, "countsAreAtLeast": false
    });
    let more = json!({"id": "w-1", "event": "FLIGHT_TIME_UPDATE", "callbackUrl": "https://ops.example.net/aerogram/flight-times",
                      "expirationDateTime": "2099-12-14T09:20:00.000Z", "limits": {"timeoutMs": 10_000}});
    let known = vec![
        ("GET /subscriptions/w-1", 200, subscription(&more)),
        ("GET /subscriptions/w-1/overview", 200, overview),
    ];
    let page = World::of(known).get("/portal/webhooks/w-1?done=saved").await.page;
    for part in [
        "<span>Shut</span></span>, failing since <time",
        "94.0 % of what ended",
        "118",
        "Flight times changed",
        "Saved.",
        "Can be renewed from",
        "standard: 11 attempts",
        "/portal/escalations?webhook=w-1",
        r#"action="/portal/webhooks/w-1/test""#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("style="), "{page}");
}

#[tokio::test]
async fn a_stranger_gets_nothing_and_a_missing_overview_only_leaves_a_gap() {
    let known = vec![(
        "GET /subscriptions/w-1",
        200,
        subscription(&json!({"status": "INACTIVE", "statusReason": "answered 410"})),
    )];
    let world = World::of(known);
    let unchanged = world.get("/portal/webhooks/w-1?done=unchanged").await.page;
    assert!(unchanged.contains("so nothing was changed"), "{unchanged}");
    assert_eq!(world.get("/portal/webhooks/w-2").await.status.as_u16(), 404);
    let page = world.get("/portal/webhooks/w-1").await.page;
    assert!(page.contains("cannot be read right now") && page.contains("Answered 410."), "{page}");
    assert!(!page.contains("Send test event"), "{page}");
}
