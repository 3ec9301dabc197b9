//! Signing keys are in Kafka sealed only, and never come back.

use aerogram_seal::{Sealed, Sealer};
use aerogram_wire::v1::SubscriptionRecord;
use aerogram_wire::{Message as _, Topic};
use serde_json::json;

use crate::raw;
use crate::world::{Caller, shared, wish};

#[tokio::test]
async fn signing_keys_are_nowhere_in_clear() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-1", "token-of-acme");
    let mut said = String::new();
    let mut ids = Vec::new();
    // As text, and as what its base64 stands for.
    for key in ["hush-hush-in-clear", "whsec_aHVzaC1odXNoLWluLWNsZWFy"] {
        let mut body = wish();
        body["signingKey"] = json!(key);
        let created = caller.post(&body).await;
        said += &created.text();
        let id = created.json()["id"].as_str().unwrap().to_owned();
        said += &caller.patch(&id, &json!({"status": "INACTIVE"})).await.text();
        said += &caller.get(&format!("/subscriptions/{id}")).await.text();
        ids.push(id);
    }
    said += &caller.get("/subscriptions").await.text();
    caller.delete(&ids[1]).await;
    let secrets = ["hush-hush", "aHVzaC1odXNo", "token-of-acme"];
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} in an answer");
    }
    let world = &shared.world;
    for topic in Topic::ALL {
        let records = raw::everything_in(&world.rig, topic.name());
        assert!(!records.is_empty() || !matches!(topic, Topic::Commands | Topic::Subscriptions));
        for secret in secrets {
            let seen = |record: &Vec<u8>| record.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!records.iter().any(seen), "{secret} in {}", topic.name());
        }
    }

    // Yet whoever has the key of the installation can open it, and nothing is left of what was deleted.
    let sealer = Sealer::from_settings(&world.settings().seal).unwrap();
    let states = states_of(&world.rig);
    let last = |id: &str| states.iter().rev().find(|s| s.id == id).unwrap();
    let sealed = last(&ids[0]).signing_key.clone().unwrap();
    let sealed = Sealed {
        key_id: sealed.key_id,
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext.to_vec(),
    };
    assert!(sealer.open(&sealed, &ids[0], "acme").is_ok());
    assert!(sealer.open(&sealed, &ids[1], "acme").is_err());
    assert_eq!(last(&ids[1]).signing_key, None);
}

/// All states ever written. Keys are 36 bytes and stand before the value.
fn states_of(rig: &aerogram_testkit::Rig) -> Vec<aerogram_wire::v1::Subscription> {
    let records = raw::everything_in(rig, "subscriptions");
    records.iter().map(|r| SubscriptionRecord::decode(&r[36..]).unwrap().subscription.unwrap()).collect()
}
