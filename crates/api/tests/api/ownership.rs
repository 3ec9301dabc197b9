//! One writer, whatever happens to it.

use std::time::Duration;

use aerogram_testkit::ports::free_port;
use aerogram_wire::v1::{Scope, Sealed, Status, Subscription, SubscriptionRecord};
use aerogram_wire::{Message as _, SCHEMA};
use serde_json::json;

use crate::raw::{self, Open};
use crate::world::{Caller, PATIENCE, World, eventually, wish};

const ID: &str = "0192d3a4-0000-7000-8000-00000000000a";

/// A state as a former owner would have written it.
fn state(version: u64, expires_at_ms: i64) -> Vec<u8> {
    let subscription = Subscription {
        id: ID.into(),
        version,
        scope: Some(Scope { partner: "app-1".into(), operator: "acme".into() }),
        profile: "flight".into(),
        event_type: "FLIGHT_CREATE".into(),
        callback_url: format!("https://receiver.example/{version}"),
        status: Status::Active.into(),
        environment: "production".into(),
        created_at_ms: 1_000,
        updated_at_ms: 1_000,
        expires_at_ms,
        signing_key: Some(Sealed { key_id: "k1".into(), ..Sealed::default() }),
        ..Subscription::default()
    };
    SubscriptionRecord { schema: SCHEMA, subscription: Some(subscription) }.encode_to_vec()
}

#[tokio::test]
async fn a_new_owner_waits_for_what_a_former_one_left_open() {
    let world = World::new("api-takeover", 1, &[("API__COMMAND_TIMEOUT_MS", "1500")]).await;
    Open::begin(&world.rig, &[("subscriptions", ID, state(1, 0))]).await.commit().await;
    let open = Open::begin(&world.rig, &[("subscriptions", ID, state(2, 0))]).await;

    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let path = format!("/subscriptions/{ID}");
    // Reads go on: what is not committed is not there.
    assert_eq!(caller.get(&path).await.header("etag"), Some("\"1\""));
    // A change is not decided on what may be about to be replaced, and it is said what that means.
    let answer = caller.patch(ID, &json!({"callbackUrl": "https://receiver.example/next"})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{}", answer.text());
    assert!(answer.text().contains("may still take effect"));
    assert_eq!(caller.get(&path).await.header("etag"), Some("\"1\""));

    open.commit().await;
    let seen = eventually("the change in the end", async || {
        let answer = caller.get(&path).await;
        (answer.header("etag") == Some("\"3\"")).then(|| answer.json())
    })
    .await;
    assert_eq!(seen["callbackUrl"], "https://receiver.example/next");
    instance.stop().await;

    // The same when it comes to nothing.
    let open = Open::begin(&world.rig, &[("subscriptions", ID, state(9, 0))]).await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    assert_eq!(caller.patch(ID, &json!({"status": "INACTIVE"})).await.status, 503);
    open.abort().await;
    eventually("the change in the end", async || {
        (caller.get(&path).await.header("etag") == Some("\"4\"")).then_some(())
    })
    .await;

    // Results and markers lie behind the last command; what is committed in the end is the end.
    let group = world.settings().api.group;
    eventually("the end is committed", async || {
        let (committed, end) = raw::committed_and_end(&world.rig, &group, "commands", 0);
        (committed == end).then_some(())
    })
    .await;
    instance.stop().await;
}

#[tokio::test]
async fn what_expired_stays_so() {
    let world = World::new("api-expiry", 1, &[]).await;
    Open::begin(&world.rig, &[("subscriptions", ID, state(1, 2_000))]).await.commit().await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let seen = caller.get(&format!("/subscriptions/{ID}")).await.json();
    assert_eq!(
        (&seen["status"], &seen["expirationDateTime"]),
        (&json!("INACTIVE"), &json!("1970-01-01T00:00:02.000Z"))
    );
    let refused = caller.patch(ID, &json!({"status": "ACTIVE"})).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(caller.patch(ID, &json!({"callbackUrl": "https://other.example/"})).await.status, 200);
    assert_eq!(caller.delete(ID).await.status, 204);
    instance.stop().await;
}

/// An owner that stands still while others take over, and goes on later, changes nothing any more, and is of use again.
#[tokio::test]
async fn an_owner_that_was_stopped_and_continues_is_refused() {
    // Six seconds is the shortest that brokers accept.
    let world = World::new("api-stopped", 1, &[("KAFKA__SESSION_TIMEOUT_MS", "6000")]).await;
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let role = world.rig.role("aerogram-api").envs(world.env.clone()).env("AEROGRAM_API__LISTEN", &listen);
    let mut former = role.start().await.unwrap();
    let old = Caller::new(&format!("http://{listen}/api/v2/webhooks"), "app-1", "token-of-acme");
    let id = old.created(&wish()).await;
    let path = format!("/subscriptions/{id}");
    let instance = world.instance().await;
    let new = Caller::new(&instance.base, "app-1", "token-of-acme");
    assert_eq!(new.get(&path).await.status, 200);

    // With a command under way that it may have read already.
    let changing = {
        let (new, id) = (new.clone(), id.clone());
        tokio::spawn(
            async move { new.patch(&id, &json!({"callbackUrl": "https://receiver.example/a"})).await },
        )
    };
    former.pause().unwrap();
    let _ = changing.await.unwrap();
    let taken_over = eventually("the other one has taken over", async || {
        let answer = new.patch(&id, &json!({"callbackUrl": "https://receiver.example/b"})).await;
        (answer.status == 200).then(|| answer.header("etag").unwrap().to_owned())
    })
    .await;
    former.resume().unwrap();

    // Both take changes at once, and each is made once, on top of the other.
    let before: u64 = taken_over.trim_matches('"').parse().unwrap();
    let mut versions = Vec::new();
    for i in 0..10 {
        for (name, caller) in [("old", &old), ("new", &new)] {
            let body = json!({"callbackUrl": format!("https://receiver.example/{name}/{i}")});
            let answer = caller.patch(&id, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            versions.push(answer.header("etag").unwrap().trim_matches('"').parse::<u64>().unwrap());
        }
    }
    assert_eq!(versions, (before + 1..=before + 20).collect::<Vec<_>>());

    // And it can own again.
    instance.stop().await;
    let answer = eventually("the first one owns again", async || {
        let answer = old.patch(&id, &json!({"status": "INACTIVE"})).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.json()["status"], "INACTIVE");
    assert!(former.terminate(Duration::from_secs(20).max(PATIENCE)).await.unwrap().success());
}
