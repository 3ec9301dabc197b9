use serde_json::{Value, json};

use super::story::tests::delivery;
use crate::testing::World;

fn found(ids: &[&str]) -> Value {
    let hit = |id: &&str| {
        json!({"eventId": id, "type": "FLIGHT_TIME_UPDATE", "subject": "FL-20318", "environment": "production",
               "acceptedAtDateTime": "2026-11-21T10:50:02.000Z", "deliveries": {"RETRYING": 1, "DELIVERED": 1}})
    };
    let hits: Vec<_> = ids.iter().map(hit).collect();
    json!({"events": hits, "next": null, "historySinceDateTime": "2026-11-14T10:52:00.000Z"})
}

#[tokio::test]
async fn what_is_known_of_it_leads_to_its_story() {
    let world = World::of(vec![("GET /events", 200, found(&["e-1"]))]);
    let by_id = world.get("/portal/events?q=%20e-1").await;
    assert_eq!((by_id.status.as_u16(), by_id.location.as_str()), (303, "/portal/events/e-1"));
    let by_flight = world.get("/portal/events?q=EXA101").await.page;
    assert!(by_flight.contains("1 event for <bdi>EXA101</bdi>"), "{by_flight}");
    assert!(
        by_flight.contains("/portal/events/e-1?q=EXA101")
            && world.was_asked("GET /events?search=EXA101&limit=50")
    );
    let none = World::of(vec![("GET /events", 200, found(&[]))]).get("/portal/events?q=EXA999").await.page;
    assert!(none.contains("Nothing is known of <bdi>EXA999</bdi>"), "{none}");
}

#[tokio::test]
async fn what_is_not_found_is_looked_for_as_events_have_it() {
    let none = World::of(vec![("GET /events", 200, found(&[]))]);
    let page = none.get("/portal/events?q=SKH%201271").await.page;
    assert!(page.contains("Nothing is known of <bdi>SKH 1271</bdi>"), "{page}");
    assert!(none.was_asked("GET /events?search=SKH1271&limit=50"));

    let apart = World::of(vec![
        ("GET /events?search=SKH%201271&limit=50", 200, found(&[])),
        ("GET /events?search=SKH1271&limit=50", 200, found(&["e-1", "e-2"])),
    ]);
    let page = apart.get("/portal/events?q=SKH%201271").await.page;
    assert!(page.contains("2 events for <bdi>SKH1271</bdi>"), "{page}");
    assert!(page.contains("Nothing is known of <bdi>SKH 1271</bdi>, so"), "{page}");
    assert!(page.contains("/portal/events/e-1?q=SKH1271") && page.contains(r#"value="SKH1271""#), "{page}");
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_told_beside_the_field() {
    let problem = json!({"detail": "the query is not valid", "errors": [{"parameter": "search", "detail": "must be shorter"}]});
    let answered = World::of(vec![("GET /events", 400, problem)]).get("/portal/events?q=x").await;
    assert_eq!(answered.status.as_u16(), 400);
    assert!(
        answered.page.contains(r#"<p class="error" id="q-error">Must be shorter.</p>"#),
        "{}",
        answered.page
    );
}

#[tokio::test]
async fn a_story_is_told_with_what_the_event_said() {
    let miss =
        json!({"subscriptionId": "w-3", "reasons": [{"reason": "inactive", "detail": "it is not active"}]});
    let of =
        |status: &str, made: u32, id: &str| delivery(status, made, &json!({"id": id, "subscriptionId": id}));
    let event = json!({
        "source": "/ops", "type": "FLIGHT_TIME_UPDATE", "subject": "FL-20318", "operator": "OPX", "contract": null,
        "environment": "production", "acceptedAtDateTime": "2026-11-21T10:50:02.000Z", "repeats": null,
        "deliveries": [of("DELIVERED", 1, "w-1"), of("RETRYING", 2, "w-2"), of("ESCALATED", 11, "w-4")], "nearMisses": [miss]
    });
    let webhook = |id: &str, url: &str| json!({"id": id, "event": "FLIGHT_TIME_UPDATE", "callbackUrl": url});
    let known = vec![
        (
            "GET /events/e-1",
            200,
            json!({"eventId": "e-1", "historySinceDateTime": "2026-11-14T10:52:00.000Z", "events": [event]}),
        ),
        (
            "GET /subscriptions",
            200,
            json!([
                webhook("w-1", "https://hooks.example.com/flights"),
                webhook("w-3", "https://old.example/x")
            ]),
        ),
        ("GET /deliveries/w-1", 200, json!({"event": {"id": "e-1", "data": {"flightId": "FL-20318"}}})),
    ];
    let world = World::of(known);
    let page = world.get("/portal/events/e-1?q=EXA101").await.page;
    for part in [
        "Flight times changed, FL-20318",
        "hooks.<wbr>example.<wbr>com/<wbr>flights",
        "old.<wbr>example",
        "What it said",
        "&#34;flightId&#34;",
        "5 more attempts between them",
        r#"<a href="/portal/events?q=EXA101">"#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let unknown = world.get("/portal/events/%3Cb%3E").await;
    assert!(
        unknown.status.as_u16() == 404 && unknown.page.contains("Nothing is known of <bdi>&#60;b&#62;</bdi>"),
        "{unknown:?}"
    );
}
