//! The story of an event.

use std::sync::Arc;

use aerogram_testkit::Answer;
use aerogram_wire::SCHEMA;
use aerogram_wire::v1::{Delivery, LineKind, Origin, Rejected, Settled};
use serde_json::{Value, json};

use crate::logs::{Logs, attempt, delivery, event, event_id, name, now_ms};
use crate::raw::Open;
use crate::seed;
use crate::world::{Caller, Shared, World, as_admin, shared, wish};

/// Of the shared instances.
const PARTITIONS: i32 = 3;

struct Ground {
    shared: Arc<Shared>,
    logs: Logs,
}

impl Ground {
    fn new() -> Self {
        let shared = shared();
        let logs = Logs::new(&shared.world.rig, PARTITIONS);
        Self { shared, logs }
    }
}

fn story(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn reasons(event: &Value, subscription: &str) -> Vec<String> {
    let misses = event["nearMisses"].as_array().unwrap();
    let of_it = misses.iter().filter(|miss| miss["subscriptionId"] == subscription);
    of_it
        .flat_map(|miss| miss["reasons"].as_array().unwrap())
        .map(|reason| reason["reason"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_story_has_deliveries_and_near_misses_of_the_caller() {
    let ground = Ground::new();
    let [mine, mine_2] = ground.shared.pair("app-11");
    let got = mine.created(&wish()).await;
    let mut other = wish();
    other["environment"] = json!("non-production");
    let elsewhere = mine.created(&other).await;
    let paused = mine.created(&wish()).await;
    assert_eq!(mine.patch(&paused, &json!({"status": "INACTIVE"})).await.status, 200);
    let id = event_id("story/of ä");
    let accepted = ground.logs.accept(event(&id), 0).await;
    let sent = ground.logs.deliver(&accepted, "app-11", &got).await;
    let others = "0192d3a4-0000-7000-8000-0000000000c1";
    ground.logs.deliver(&accepted, "app-4", others).await;
    ground.logs.receipt(&accepted, 2, None).await;
    let epoch = ground.logs.claim(&sent).await;
    ground.logs.tell(&sent, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    let later = mine.created(&wish()).await;

    let path = format!("/events/{}", id.replace('/', "%2F").replace(' ', "%20").replace('ä', "%C3%A4"));
    for caller in [&mine, &mine_2] {
        let told = story(&caller.get(&path).await);
        assert_eq!((&told["eventId"], told["events"].as_array().unwrap().len()), (&json!(id), 1), "{told}");
        let event = &told["events"][0];
        assert_eq!((&event["source"], &event["subject"]), (&json!("/ops"), &json!("AB1")), "{event}");
        assert_eq!((&event["repeats"], event.get("origin")), (&Value::Null, None), "{event}");
        let deliveries = event["deliveries"].as_array().unwrap();
        assert_eq!(deliveries.len(), 1, "{event}");
        assert_eq!(
            (&deliveries[0]["id"], &deliveries[0]["status"]),
            (&json!(name(&sent)), &json!("DELIVERED"))
        );
        assert_eq!(deliveries[0]["attempts"][0]["status"], 200);
        assert_eq!(deliveries[0]["next"]["what"], "nothing: delivered");
        assert_eq!(reasons(event, &elsewhere), ["environment"]);
        assert_eq!(reasons(event, &paused), ["inactive"]);
        assert_eq!(reasons(event, &later), ["created_after"]);
        assert_eq!(reasons(event, &got), Vec::<String>::new());
        assert!(!told.to_string().contains(others) && told.get("rejections").is_none(), "{told}");
    }
    let told = story(&as_admin(&ground.shared.bases[1], &path).await);
    let event = &told["events"][0];
    assert_eq!(event["deliveries"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(event["origin"], json!({"topic": "upstream", "partition": 4, "offset": 77}));
    assert_eq!(reasons(event, &elsewhere), ["environment"]);
    // Of the same operator, without a delivery of its own: that it came is no secret.
    let theirs = story(&ground.shared.pair("app-9")[0].get(&path).await);
    assert_eq!(theirs["events"][0]["deliveries"], json!([]));
    // Of another operator it is not told, nor to whom its type is none of his business.
    let stranger = Caller::new(&ground.shared.bases[0], "app-1", "token-of-bluejet");
    assert_eq!(stranger.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_matched_nothing_and_what_repeats_another_is_known() {
    let ground = Ground::new();
    let [mine, _] = ground.shared.pair("app-4");
    let id = event_id("repeated");
    let mut first = event(&id);
    first.r#type = "OrderCreated".into();
    let first = ground.logs.accept(first, 2_000).await;
    ground.logs.receipt(&first, 0, None).await;
    let again = ground.logs.accept(first.event.clone(), 1_000).await;
    ground.logs.receipt(&again, 0, Some(first.position)).await;
    let told = story(&mine.get(&format!("/events/{id}")).await);
    let events = told["events"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{told}");
    assert_eq!((&events[0]["repeats"], &events[0]["deliveries"]), (&Value::Null, &json!([])));
    assert_eq!(events[1]["repeats"], json!({"partition": 0, "offset": first.position.offset}));
    // An order is nothing for one who has flights only.
    let flights = Caller::new(&ground.shared.bases[0], "app-6", "token-of-flights");
    assert_eq!(flights.get(&format!("/events/{id}")).await.status, 404);
}

#[tokio::test]
async fn what_was_rejected_is_for_administrators() {
    let ground = Ground::new();
    let [mine, _] = ground.shared.pair("app-4");
    let id = event_id("rejected");
    let rejected = Rejected {
        schema: SCHEMA,
        reason: "unknown_type".into(),
        errors: vec!["/type NO_SUCH is no type".into()],
        origin: Some(Origin { topic: "upstream".into(), partition: 1, offset: 5 }),
        scope: "flights".into(),
        payload: format!(r#"{{"id":"{id}"}}"#).into_bytes().into(),
        rejected_at_ms: now_ms(),
        ..Rejected::default()
    };
    let offset = ground.logs.reject(&rejected).await;
    let path = format!("/events/{id}");
    for later in [false, true] {
        for instance in [0, 1] {
            let told = story(&as_admin(&ground.shared.bases[instance], &path).await);
            let one = &told["rejections"][0];
            assert_eq!((&one["offset"], &one["reason"]), (&json!(offset), &json!("unknown_type")), "{told}");
            assert_eq!(one["errors"], json!(["/type NO_SUCH is no type"]));
            assert_eq!(one["origin"], json!({"topic": "upstream", "partition": 1, "offset": 5}));
            assert_eq!((&one["acceptedLater"], &told["events"]), (&json!(later), &json!([])), "{told}");
        }
        let unknown = mine.get(&path).await;
        assert_eq!(unknown.status, 404);
        assert!(unknown.text().contains("history reaches back to 20"), "{}", unknown.text());
        let settled = Settled { offset, event_id: id.clone(), ..Settled::default() };
        let settled = Rejected { schema: SCHEMA, settled: Some(settled), ..Rejected::default() };
        ground.logs.reject(&settled).await;
    }
}

#[tokio::test]
async fn an_event_that_the_log_lost_is_told_from_what_is_left() {
    let ground = Ground::new();
    let [mine, _] = ground.shared.pair("app-10");
    let id = event_id("lost");
    let mut accepted = ground.logs.accept(event("another"), 0).await;
    accepted.event = event(&id);
    let subscription = "0192d3a4-0000-7000-8000-0000000000c2";
    let sent = ground.logs.deliver(&accepted, "app-10", subscription).await;
    let told = story(&mine.get(&format!("/events/{id}")).await);
    let event = &told["events"][0];
    assert_eq!((&event["source"], &event["type"]), (&Value::Null, &json!("FLIGHT_CREATE")), "{told}");
    assert_eq!(event["deliveries"][0]["id"], name(&sent));
    let shown = mine.get(&format!("/deliveries/{}", name(&sent))).await.json();
    assert_eq!((&shown["event"], &shown["body"]), (&Value::Null, &Value::Null), "{shown}");
    assert!(shown["bodyMissing"].as_str().unwrap().contains("topics.retention_ms"), "{shown}");
}

#[tokio::test]
async fn near_misses_of_an_event_that_very_many_got_are_told() {
    let world = World::new("api-near-misses-many", 1, &[]).await;
    let subscriptions: Vec<_> =
        (0..103).map(|number| format!("0192d3a4-0000-7000-8000-000000000{number:03}")).collect();
    let records: Vec<_> = subscriptions.iter().map(|id| seed::record(id, "app-1", 1, 0)).collect();
    Open::begin(&world.rig, &records).await.commit().await;
    let logs = Logs::new(&world.rig, 1);
    let accepted = logs.accept(event("e-1"), 0).await;
    // Those of which the page is full.
    for number in 0..100 {
        let gone = delivery(&accepted, "app-1", &format!("0192d3a4-0000-7000-8000-000000001{number:03}"));
        logs.write_delivery(&Delivery { accepted_at_ms: accepted.at_ms - 1, ..gone }).await;
    }
    let (missed, got) = subscriptions.split_at(2);
    for subscription in got {
        logs.deliver(&accepted, "app-1", subscription).await;
    }
    // Of the same name, and it matched nothing.
    let other = logs.accept(accepted.event.clone(), -1).await;
    logs.receipt(&other, 0, None).await;
    let (first, second) = tokio::join!(world.instance(), world.instance());
    for instance in [first, second] {
        let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
        let told = story(&caller.get("/events/e-1").await);
        assert_eq!(told["deliveriesLeftOut"], 101, "{told}");
        let near = |event: &Value| -> Vec<String> {
            let near = event["nearMisses"].as_array().unwrap().iter();
            near.map(|miss| miss["subscriptionId"].as_str().unwrap().to_owned()).collect()
        };
        let [wide, nobodys] = [&told["events"][0], &told["events"][1]];
        assert_eq!((near(wide), wide.get("nearMissesLeftOut")), (missed.to_vec(), None), "{wide}");
        assert_eq!(
            (near(nobodys), &nobodys["nearMissesLeftOut"]),
            (subscriptions[..100].to_vec(), &json!(3))
        );
        instance.stop().await;
    }
}

#[tokio::test]
async fn of_very_many_events_with_one_id_it_is_told_how_many_are_not() {
    let ground = Ground::new();
    let [mine, _] = ground.shared.pair("app-8");
    let id = event_id("namesakes");
    for ago in (0..22).rev() {
        let accepted = ground.logs.accept(event(&id), 1_000 * ago).await;
        ground.logs.deliver(&accepted, "app-8", "0192d3a4-0000-7000-8000-0000000000c3").await;
    }
    let told = story(&mine.get(&format!("/events/{id}")).await);
    assert_eq!(told["events"].as_array().unwrap().len(), 20);
    assert_eq!((&told["eventsLeftOut"], &told["deliveriesLeftOut"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn who_missed_what_history_has_forgotten_is_not_guessed() {
    let world = World::new("api-near-misses-old", 1, &[("API__HISTORY_RETENTION_MS", "3600000")]).await;
    let logs = Logs::new(&world.rig, 1);
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let subscription = caller.created(&wish()).await;
    for (ago_ms, expected) in [(7_200_000, vec![]), (1_800_000, vec!["created_after"])] {
        let accepted = logs.accept(event(&event_id("old")), ago_ms).await;
        logs.deliver(&accepted, "app-1", "0192d3a4-0000-7000-8000-0000000000c4").await;
        let told = story(&caller.get(&format!("/events/{}", accepted.event.id)).await);
        assert_eq!(told["events"][0]["deliveries"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(reasons(&told["events"][0], &subscription), expected, "{told}");
    }
    instance.stop().await;
}
