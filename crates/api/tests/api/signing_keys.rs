//! Signing keys that are made, and those that are replaced.

use aerogram_seal::{Sealed, Sealer};
use aerogram_wire::v1::{Subscription, SubscriptionRecord};
use aerogram_wire::{Message as _, Topic, v1};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::errors::problem;
use crate::raw;
use crate::world::{Caller, Shared, shared, wish};

fn order() -> Value {
    json!({"event": "OrderCreated", "callbackUrl": "https://receiver.example/orders"})
}

async fn replace(
    caller: &Caller,
    id: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> aerogram_testkit::Answer {
    caller.send(Method::POST, &format!("/subscriptions/{id}/signing-keys"), headers, Some(body)).await
}

/// The last state that was written.
fn state_of(shared: &Shared, id: &str) -> Subscription {
    let records = raw::everything_in(&shared.world.rig, Topic::Subscriptions.name());
    let states = records.iter().map(|r| SubscriptionRecord::decode(&r[36..]).unwrap().subscription.unwrap());
    states.filter(|state| state.id == id).max_by_key(|state| state.version).unwrap()
}

fn opened(shared: &Shared, id: &str, sealed: Option<v1::Sealed>) -> String {
    use secrecy::ExposeSecret as _;
    let sealer = Sealer::from_settings(&shared.world.settings().seal).unwrap();
    let sealed = sealed.unwrap();
    let sealed = Sealed {
        key_id: sealed.key_id,
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext.to_vec(),
    };
    String::from_utf8(sealer.open(&sealed, id, "acme").unwrap().expose_secret().to_vec()).unwrap()
}

#[tokio::test]
async fn a_key_is_made_for_who_brings_none_and_told_once() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    assert_eq!(
        problem(&a.post(&json!({"event": "FLIGHT_CREATE", "callbackUrl": "https://a.example/"})).await).0,
        400
    );
    let created = a.post(&order()).await;
    assert_eq!((created.status, created.header("cache-control")), (201, Some("no-store")));
    let (id, key) = (created.json()["id"].clone(), created.json()["signingKey"].clone());
    let (id, key) = (id.as_str().unwrap(), key.as_str().unwrap());
    assert!(key.starts_with("whsec_") && key.len() == 50, "{key}");
    assert_eq!(opened(&shared, id, state_of(&shared, id).signing_key), key);
    let seen = b.get(&format!("/subscriptions/{id}")).await;
    assert!(seen.json().get("signingKey").is_none() && !seen.text().contains(key));
    let other = b.post(&order()).await.json();
    assert_ne!(other["signingKey"], key);
}

#[tokio::test]
async fn of_several_answers_to_one_wish_one_tells_the_key_in_force() {
    let shared = shared();
    let callers = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..6 {
        let caller = callers[n % 2].clone();
        posts.spawn(async move {
            let headers = [("idempotency-key", "made-once")];
            caller.send(Method::POST, "/subscriptions", &headers, Some(&order())).await
        });
    }
    let answers = posts.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let ids: BTreeSet<_> =
        answers.iter().map(|answer| answer.json()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    let told: Vec<String> =
        answers.iter().filter_map(|answer| Some(answer.json()["signingKey"].as_str()?.to_owned())).collect();
    let id = ids.first().unwrap();
    assert_eq!(told, [opened(&shared, id, state_of(&shared, id).signing_key)]);
}

#[tokio::test]
async fn a_key_is_replaced_with_an_overlap() {
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-2", "token-of-acme"));
    let id = a.created(&wish()).await;
    let given = replace(&b, &id, &[], &json!({"signingKey": "hush-second", "overlapHours": 48})).await;
    assert_eq!((given.status, given.header("etag")), (201, Some("\"2\"")), "{}", given.text());
    let shown = given.json();
    assert!(shown.get("signingKey").is_none() && !given.text().contains("hush"));
    let until = shown["previousSigningKeyUntilDateTime"].as_str().unwrap();
    let state = state_of(&shared, &id);
    let previous = state.previous_signing_key.unwrap();
    assert_eq!(previous.until_ms - state.updated_at_ms, 48 * 3_600_000);
    assert_eq!(opened(&shared, &id, previous.key), "your-secret-signing-key-123");
    assert_eq!(opened(&shared, &id, state.signing_key), "hush-second");
    let seen = a.get(&format!("/subscriptions/{id}")).await;
    assert_eq!(seen.json()["previousSigningKeyUntilDateTime"], until);

    // Once more: the first key is out, and the new one is made.
    let made = replace(&a, &id, &[("if-match", "\"2\"")], &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let state = state_of(&shared, &id);
    assert_eq!(made.json()["signingKey"], opened(&shared, &id, state.signing_key));
    assert_eq!(opened(&shared, &id, state.previous_signing_key.unwrap().key), "hush-second");
    // And at once.
    let last = replace(&a, &id, &[], &json!({"overlapHours": 0})).await.json();
    assert!(last.get("previousSigningKeyUntilDateTime").is_none(), "{last}");
    assert!(state_of(&shared, &id).previous_signing_key.is_none());

    assert_eq!(problem(&replace(&a, &id, &[("if-match", "\"2\"")], &json!({})).await).0, 412);
    let wrong = json!({"signingKey": "whsec_?!", "overlapHours": 721});
    let pointers = ["/signingKey", "/overlapHours"].map(str::to_owned).to_vec();
    assert_eq!(problem(&replace(&a, &id, &[], &wrong).await), (400, pointers));
    let stranger = Caller::new(&shared.bases[0], "app-1", "token-of-bluejet");
    assert_eq!(problem(&replace(&stranger, &id, &[], &json!({})).await).0, 404);
    assert_eq!(a.delete(&id).await.status, 204);
    assert_eq!(problem(&replace(&a, &id, &[], &json!({})).await).0, 404);
    let gone = state_of(&shared, &id);
    assert_eq!((gone.signing_key, gone.previous_signing_key), (None, None));
}
