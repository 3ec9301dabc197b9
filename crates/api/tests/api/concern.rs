//! A subscription that is for other events from now on.

use serde_json::{Value, json};

use crate::errors::problem;
use crate::world::{Caller, shared};

fn product() -> Value {
    json!({"event": "PRODUCT_ADDED", "callbackUrl": "https://receiver.example/products", "contractId": "C-1"})
}

fn pointers(all: &[&str]) -> Vec<String> {
    all.iter().map(|pointer| (*pointer).to_owned()).collect()
}

#[tokio::test]
async fn event_type_and_contract_of_a_portal_can_be_changed() {
    let shared = shared();
    let [first, second] = shared.pair("app-11");
    let id = first.created(&product()).await;
    let changed = first.patch(&id, &json!({"event": "PRODUCT_REMOVED", "contractId": "C-2"})).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{}", changed.text());
    let path = format!("/subscriptions/{id}");
    let seen = second.get(&path).await.json();
    assert_eq!((&seen["event"], &seen["contractId"]), (&json!("PRODUCT_REMOVED"), &json!("C-2")));
    assert_eq!(seen, changed.json());
    let all = second.patch(&id, &json!({"contractId": null, "name": "all of them"})).await;
    assert_eq!((all.json().get("contractId"), all.header("etag")), (None, Some("\"3\"")));
    // What is so already is no change.
    let same = first.patch(&id, &json!({"event": "PRODUCT_REMOVED", "contractId": null})).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("\"3\"")));

    for (body, pointer) in [
        (json!({"event": "PRODUCT_GONE"}), "/event"),
        (json!({"event": 1, "status": "ACTIVE"}), "/event"),
        (json!({"contractId": "C-3"}), "/contractId"),
        (json!({"event": null}), ""),
    ] {
        assert_eq!(problem(&first.patch(&id, &body).await), (400, pointers(&[pointer])), "{body}");
    }
    let other = Caller::new(&shared.bases[0], "app-12", "token-of-acme");
    assert_eq!(problem(&other.patch(&id, &json!({"event": "PRODUCT_ADDED"})).await), (404, vec![]));
    assert_eq!(second.get(&path).await.header("etag"), Some("\"3\""));
    first.delete(&id).await;
}

#[tokio::test]
async fn under_other_profiles_a_change_does_not_know_them() {
    let shared = shared();
    let [caller, _] = shared.pair("app-11");
    let order = json!({"event": "OrderCreated", "callbackUrl": "https://receiver.example/orders", "contractId": "C-1"});
    let id = caller.created(&order).await;
    let nothing = caller.patch(&id, &json!({"event": "OrderCanceled", "contractId": null})).await;
    assert_eq!(problem(&nothing), (400, pointers(&[""])), "it names nothing that can be changed");
    let other = json!({"event": "OrderCanceled", "contractId": "C-9", "name": "other"});
    let changed = caller.patch(&id, &other).await.json();
    assert_eq!((&changed["event"], &changed["contractId"]), (&json!("OrderCreated"), &json!("C-1")));
    assert_eq!(changed["name"], "other");
    // As clients do that send back what they were shown.
    let mut shown = caller.get(&format!("/subscriptions/{id}")).await.json();
    shown["status"] = json!("INACTIVE");
    let changed = caller.patch(&id, &shown).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("INACTIVE")), "{}", changed.text());
    caller.delete(&id).await;
}

#[tokio::test]
async fn a_stored_template_must_fit_the_other_type() {
    let shared = shared();
    let [caller, _] = shared.pair("app-11");
    let mut body = product();
    body["event"] = json!("PRODUCT_UPDATED");
    body["httpRequest"] = json!({"header": {"x-a": "hush"}, "jsonBody": {"what": "{{changedFields}}"}});
    let id = caller.created(&body).await;
    let refused = caller.patch(&id, &json!({"event": "PRODUCT_REMOVED"})).await;
    assert_eq!(problem(&refused), (400, pointers(&["/event"])));
    assert!(refused.text().contains("changedFields"), "{}", refused.text());
    let target = json!({"jsonBody": {"what": "{{productId}}"}});
    let changed = caller.patch(&id, &json!({"event": "PRODUCT_REMOVED", "httpRequest": target})).await;
    assert_eq!(
        (changed.status, &changed.json()["event"]),
        (200, &json!("PRODUCT_REMOVED")),
        "{}",
        changed.text()
    );
    caller.delete(&id).await;
}

#[tokio::test]
async fn it_takes_the_entitlement_for_both_types() {
    let shared = shared();
    // Of one pair, with two tokens.
    let [all, flights] =
        ["token-of-acme", "token-of-flights"].map(|token| Caller::new(&shared.bases[0], "app-7", token));
    let mut body = product();
    (body["event"], body["profile"]) = (json!("FLIGHT_CANCEL"), json!("portal"));
    let id = flights.created(&body).await;
    let refused = flights.patch(&id, &json!({"event": "PRODUCT_ADDED"})).await;
    assert_eq!(problem(&refused), (403, vec![]));
    assert!(refused.text().contains("PRODUCT_ADDED"), "{}", refused.text());
    assert_eq!(flights.patch(&id, &json!({"event": "FLIGHT_CREATE"})).await.status, 200);
    assert_eq!(all.patch(&id, &json!({"event": "PRODUCT_ADDED"})).await.status, 200);
    // What waits to be sent would be sent on.
    let refused = flights.patch(&id, &json!({"event": "FLIGHT_CREATE"})).await;
    assert_eq!(problem(&refused), (403, vec![]));
    assert!(refused.text().contains("PRODUCT_ADDED"), "{}", refused.text());
    let stops = json!({"event": "PRODUCT_ADDED", "contractId": "C-1", "status": "INACTIVE"});
    assert_eq!(flights.patch(&id, &stops).await.json()["status"], "INACTIVE");
    all.delete(&id).await;
}
