//! Every example of the document is run, and answered as the document says.

use std::collections::BTreeSet;

use aerogram_wire::v1::LineKind;
use http::Method;
use serde_json::{Value, json};

use super::{BASE, DOCUMENT, followed};
use crate::given_up::{escalation, write};
use crate::logs::{Logs, attempt, event, event_id, name, now_ms};
use crate::world::{Caller, World, wish};

/// A call of the document with an example of what is sent.
struct Example {
    method: Method,
    path: String,
    /// Of the call, and of the example.
    name: String,
    query: String,
    body: Option<Value>,
}

/// Examples of bodies, and of parameters together.
fn examples() -> Vec<Example> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let path = path.strip_prefix(BASE).unwrap();
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let of_call = operation["operationId"].as_str().unwrap();
            let one = |name: &str, query: String, body: Option<Value>| Example {
                method: method.clone(),
                path: path.to_owned(),
                name: format!("{of_call} {name}"),
                query,
                body,
            };
            for content in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                for (name, example) in content.1["examples"].as_object().into_iter().flatten() {
                    all.push(one(name, String::new(), Some(followed(example)["value"].clone())));
                }
            }
            let query: Vec<_> =
                operation["parameters"].as_array().into_iter().flatten().filter_map(of_query).collect();
            if !query.is_empty() {
                all.push(one("parameters", format!("?{}", query.join("&")), None));
            }
        }
    }
    all
}

/// `name=value` of a parameter of the query that has an example.
fn of_query(parameter: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = match &parameter["example"] {
        Value::Null => return None,
        Value::Array(several) => several.iter().map(text).collect::<Vec<_>>().join(","),
        one => text(one),
    };
    (parameter["in"] == "query").then(|| format!("{}={value}", parameter["name"].as_str().unwrap()))
}

#[tokio::test]
async fn every_example_is_answered_as_the_document_says() {
    // A test event waits for its answer as long as any call; nobody gives one here.
    let world = World::new("api-examples", 3, &[("API__COMMAND_TIMEOUT_MS", "2000")]).await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let logs = Logs::new(&world.rig, 3);
    let mut tried = BTreeSet::new();
    let all = examples();
    assert!(all.len() >= 15, "there are only {} examples", all.len());
    for (number, example) in (1_u8..).zip(&all) {
        // Each has a subscription, a delivery that is over, and one that was given up, of its own.
        let subscription = caller.created(&wish()).await;
        let accepted = logs.accept(event(&event_id("example")), 60_000).await;
        let delivery = logs.deliver(&accepted, "app-1", &subscription).await;
        let epoch = logs.claim(&delivery).await;
        logs.tell(&delivery, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
        let given_up = [escalation(number, "app-1", &subscription, now_ms())];
        write(&world.rig, 3, &subscription, &given_up).await;
        let path = example.path.replace("{subscriptionId}", &subscription);
        let path = path.replace("{deliveryId}", &name(&delivery));
        let path = path.replace("{escalationId}", &aerogram_domain::escalations::run_name(given_up[0].0));
        assert!(!path.contains('{'), "nothing stands for a part of {path}");
        let path = format!("{path}{}", example.query);
        let answer = caller.send(example.method.clone(), &path, &[], example.body.as_ref()).await;
        assert!((200..300).contains(&answer.status), "{}: {path}: {}", example.name, answer.text());
        if example.name.starts_with("listDeliveries") {
            assert!(!answer.json()["deliveries"].as_array().unwrap().is_empty(), "{path} shows nothing");
        }
        tried.insert(example.name.clone());
    }
    assert_eq!(tried.len(), all.len());
    assert!(json!(tried).to_string().contains("createSubscription flight"), "{tried:?}");
    instance.stop().await;
}
