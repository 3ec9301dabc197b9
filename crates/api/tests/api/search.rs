//! Searching for events.

use aerogram_testkit::Answer;
use aerogram_wire::v1::LineKind;
use serde_json::{Value, json};

use crate::logs::{Logs, attempt, delivery, event, event_id, now_ms};
use crate::world::{Caller, Shared, as_admin, shared};

/// Of the shared instances.
const PARTITIONS: i32 = 3;
const SUBSCRIPTION: &str = "0192d3a4-0000-7000-8000-0000000000e1";

fn found(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    let events = answer["events"].as_array().unwrap().iter();
    events.map(|event| event["eventId"].as_str().unwrap().to_owned()).collect()
}

/// As it may stand in a URL.
fn path(text: &str) -> String {
    format!("/events?search={}", text.replace(' ', "%20").replace('/', "%2F"))
}

fn logs(shared: &Shared) -> Logs {
    Logs::new(&shared.world.rig, PARTITIONS)
}

#[tokio::test]
async fn an_order_is_found_by_what_people_call_it() {
    let shared = shared();
    let logs = logs(&shared);
    let [mine, mine_2] = shared.pair("app-12");
    let mut order = event(&event_id("Search order"));
    order.r#type = "OrderCreated".into();
    order.subject = "AGW-search-1".into();
    order.data = json!({
        "agwID": "AGW-search-1", "orderID": "XX-search-1", "pnr": "SRC123", "recordLocator": "SRC789", "origin": "SRCMAD",
        "segments": [{"flightNumber": "SRC1234"}, {"flightNumber": "SRC1241"}],
    })
    .to_string()
    .into_bytes()
    .into();
    let accepted = logs.accept(order, 2_000).await;
    let sent = logs.deliver(&accepted, "app-12", SUBSCRIPTION).await;
    let others = "0192d3a4-0000-7000-8000-0000000000e2";
    logs.write_delivery(&delivery(&accepted, "app-4", others)).await;
    logs.receipt(&accepted, 2, None).await;
    let epoch = logs.claim(&sent).await;
    logs.tell(&sent, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    let again = logs.accept(accepted.event.clone(), 1_000).await;
    logs.receipt(&again, 0, Some(accepted.position)).await;

    let id = &accepted.event.id;
    for text in
        [id, "AGW-search-1", "agw-SEARCH-1", "xx-search-1", "src123", "SRC789", "Src1241", " SRC1234 "]
    {
        for caller in [&mine, &mine_2] {
            assert_eq!(found(&caller.get(&path(text)).await), [id.clone(), id.clone()], "{text}");
        }
    }
    for text in ["SRC12", "SRC1235", "SRCMAD", "OrderCreated", "confirmed"] {
        assert_eq!(found(&mine.get(&path(text)).await), [""; 0], "{text}");
    }
    let told = mine.get(&path("SRC123")).await.json();
    let [repeated, first] = [&told["events"][0], &told["events"][1]];
    assert_eq!((&told["next"], told["historySinceDateTime"].is_string()), (&Value::Null, true));
    assert_eq!((&first["type"], &first["subject"]), (&json!("OrderCreated"), &json!("AGW-search-1")));
    assert_eq!((&first["operator"], &first["environment"]), (&json!("acme"), &json!("production")));
    assert_eq!((&first["deliveries"], &first["repeats"]), (&json!({"DELIVERED": 1}), &Value::Null));
    assert_eq!((&repeated["deliveries"], repeated["repeats"].is_object()), (&json!({}), true), "{told}");
    assert!(first["acceptedAtDateTime"].as_str() < repeated["acceptedAtDateTime"].as_str(), "{told}");

    // Of another operator, and of one who has flights only.
    let stranger = Caller::new(&shared.bases[0], "app-1", "token-of-bluejet");
    let flights = Caller::new(&shared.bases[0], "app-6", "token-of-flights");
    for nobody in [stranger, flights] {
        for text in [id, "SRC123", "AGW-search-1"] {
            assert_eq!(found(&nobody.get(&path(text)).await), [""; 0], "{text}");
        }
    }
    // Whoever got none of it is told of it all the same, and an administrator of all.
    let told = shared.pair("app-9")[0].get(&path("SRC123")).await.json();
    assert_eq!((told["events"].as_array().unwrap().len(), &told["events"][1]["deliveries"]), (2, &json!({})));
    let [all, acme, bluejet] = ["", "&operator=acme", "&operator=bluejet"].map(|of| path("SRC123") + of);
    for of in [all, acme] {
        let told = as_admin(&shared.bases[1], &of).await.json();
        assert_eq!(told["events"][1]["deliveries"], json!({"PENDING": 1, "DELIVERED": 1}), "{told}");
    }
    assert_eq!(found(&as_admin(&shared.bases[0], &bluejet).await), [""; 0]);
}

#[tokio::test]
async fn without_entitlement_what_was_got_is_found_by_what_it_is_called_only() {
    let shared = shared();
    let logs = logs(&shared);
    let mut order = event(&event_id("Search lost"));
    order.r#type = "OrderCreated".into();
    order.subject = "AGW-lost-1".into();
    order.data = json!({"agwID": "AGW-lost-1", "pnr": "LOST12", "orderID": "XX-lost-1"})
        .to_string()
        .into_bytes()
        .into();
    let accepted = logs.accept(order, 1_000).await;
    logs.deliver(&accepted, "app-6", SUBSCRIPTION).await;
    let flights = Caller::new(&shared.bases[0], "app-6", "token-of-flights");
    let id = &accepted.event.id;
    for text in [id, "agw-lost-1"] {
        assert_eq!(found(&flights.get(&path(text)).await), [id.as_str()], "{text}");
    }
    for text in ["LOST12", "XX-lost-1"] {
        assert_eq!(found(&flights.get(&path(text)).await), [""; 0], "{text}");
        assert_eq!(found(&shared.pair("app-9")[0].get(&path(text)).await), [id.as_str()], "{text}");
    }
}

#[tokio::test]
async fn flights_are_listed_page_by_page_the_newest_first() {
    let shared = shared();
    let logs = logs(&shared);
    let [mine, mine_2] = shared.pair("app-8");
    let mut all = Vec::new();
    for ago_ms in [3_000, 2_000, 1_000, 1_000, 0] {
        let mut flight = event(&event_id("search-flight"));
        flight.subject = format!("FL-{}", flight.id);
        flight.data = br#"{"flightNumber":"SRC101","departure":{"airport":"LEMD"}}"#.to_vec().into();
        let accepted = logs.accept(flight, ago_ms).await;
        match ago_ms {
            2_000 => logs.receipt(&accepted, 0, None).await,
            _ => drop(logs.deliver(&accepted, "app-8", SUBSCRIPTION).await),
        }
        all.push(((accepted.at_ms, accepted.position), accepted.event.id));
    }
    all.sort();
    let all: Vec<_> = all.into_iter().rev().map(|(_, id)| id).collect();
    // The next page is anybody's to serve.
    let (mut seen, mut query) = (Vec::new(), path("src101") + "&limit=2");
    for caller in [&mine, &mine_2].into_iter().cycle() {
        let answer = caller.get(&query).await;
        let page = found(&answer);
        assert!((1..=2).contains(&page.len()), "{page:?}");
        seen.extend(page);
        match answer.json()["next"].as_str() {
            Some(next) => query = format!("{}&limit=2&after={next}", path("src101")),
            None => break,
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_named() {
    let shared = shared();
    let [mine, _] = shared.pair("app-9");
    let names = |answer: Answer| -> Vec<String> {
        assert_eq!(answer.status, 400, "{}", answer.text());
        let answer = answer.json();
        let errors = answer["errors"].as_array().unwrap().iter();
        errors.map(|error| error["parameter"].as_str().unwrap().to_owned()).collect()
    };
    for (query, wrong) in [
        ("", vec!["search"]),
        ("?search=", vec!["search"]),
        ("?search=%20%20", vec!["search"]),
        ("?search=x&search=y", vec!["search"]),
        ("?limit=0", vec!["search", "limit"]),
        (
            "?search=x&limit=201&after=o7&operator=acme&colour=red",
            vec!["limit", "after", "operator", "colour"],
        ),
    ] {
        assert_eq!(names(mine.get(&format!("/events{query}")).await), wrong, "{query}");
    }
    assert_eq!(names(as_admin(&shared.bases[0], "/events?operator=acme").await), ["search"]);
    let answer = mine.get(&format!("/events?search={}", "x".repeat(2_048))).await;
    assert_eq!(found(&answer), [""; 0]);
    let nobody = Caller::new(&shared.bases[0], "app-9", "token-of-nobody");
    assert_eq!(nobody.get("/events?search=x").await.status, 401);
}
