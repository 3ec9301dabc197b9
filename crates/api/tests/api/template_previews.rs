//! What a template would send.

use aerogram_testkit::Answer;
use aerogram_wire::Topic;
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::raw;
use crate::world::{Caller, World, shared};

async fn preview(caller: &Caller, body: &Value) -> Answer {
    caller.send(Method::POST, "/template-previews", &[], Some(body)).await
}

fn order() -> Value {
    json!({
        "event": "OrderDisrupted",
        "profile": "order",
        "httpRequest": {
            "url": "https://receiver.example/orders",
            "header": {"Authorization": "Basic hush-preview"},
            "jsonBody": {"orderID": "{{agwID}}", "pax": "{{adultsPax}}"},
        },
    })
}

#[tokio::test]
async fn the_example_is_shown_as_it_would_be_sent_and_nothing_is_kept() {
    let world = World::new("api-previews", 1, &[]).await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let types = caller.get("/event-types").await.json()["eventTypes"].clone();
    let example =
        types.as_array().unwrap().iter().find(|one| one["name"] == "OrderDisrupted").unwrap()["example"]
            .clone();
    let shown = preview(&caller, &order()).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let body: Value = serde_json::from_str(shown.json()["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"orderID": example["agwID"], "pax": example["adultsPax"]}));
    let headers = shown.json()["headers"].clone();
    assert_eq!(headers[0], json!({"name": "authorization", "value": null}));
    assert_eq!(headers[1], json!({"name": "content-type", "value": "application/json"}));
    let agent = headers.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&agent["name"], &agent["value"]),
        (&json!("user-agent"), &json!(world.settings().deliverer.user_agent))
    );
    assert!(!shown.text().contains("hush"), "{}", shown.text());

    let plain = preview(&caller, &json!({"event": "OrderDisrupted", "allText": null, "whatever": 1})).await;
    let body: Value = serde_json::from_str(plain.json()["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&json!("OrderDisrupted"), &example));
    assert_eq!(caller.get("/subscriptions").await.json(), json!([]));
    for topic in [Topic::Commands, Topic::Subscriptions] {
        assert_eq!(raw::everything_in(&world.rig, topic.name()).len(), 0, "{}", topic.name());
    }
    instance.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_as_of_a_creation() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-10", "token-of-acme");
    let mut long = order();
    // More than a body may have, of an example that is not.
    long["httpRequest"]["jsonBody"] = json!(vec!["{{consumer}} ".repeat(255) + &"x".repeat(4_000); 1]);
    assert_eq!(preview(&caller, &long).await.status, 200);
    for (name, value, pointer) in [
        ("event", json!("OrderLost"), "/event"),
        ("event", Value::Null, "/event"),
        ("profile", json!("orders"), "/profile"),
        ("allText", json!("yes"), "/allText"),
        ("httpRequest", json!({"jsonBody": {"a": "{{nobody}}"}}), "/httpRequest/jsonBody/a"),
        ("httpRequest", json!({"url": "https://10.0.0.1/", "jsonBody": {}}), "/httpRequest/url"),
        ("httpRequest", json!({"header": {"Host": "hush"}, "jsonBody": {}}), "/httpRequest/header/Host"),
        ("httpRequest", json!({}), "/httpRequest"),
    ] {
        let mut body = order();
        body[name] = value;
        let refused = preview(&caller, &body).await;
        assert_eq!(problem(&refused), (400, vec![pointer.to_owned()]), "{body}");
        let mut creation = body.clone();
        creation["callbackUrl"] = json!("https://receiver.example/orders");
        if pointer != "/httpRequest/url" {
            let created = caller.post(&creation).await;
            assert!(problem(&created).1.contains(&pointer.to_owned()), "{}", created.text());
        }
        assert!(!refused.text().contains("hush"));
    }
    assert_eq!(problem(&preview(&caller, &json!([])).await), (400, vec![String::new()]));
}
