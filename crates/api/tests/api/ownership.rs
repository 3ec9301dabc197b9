//! One writer, whatever happens to it.

use aerogram_testkit::ports::free_port;
use serde_json::json;

use crate::raw::{self, Open};
use crate::seed;
use crate::world::{Caller, PATIENCE, World, eventually, wish};

const ID: &str = "0192d3a4-0000-7000-8000-00000000000a";

#[tokio::test]
async fn a_new_owner_waits_for_what_a_former_one_left_open() {
    let world = World::new("api-takeover", 1, &[("API__COMMAND_TIMEOUT_MS", "1500")]).await;
    Open::begin(&world.rig, &[seed::record(ID, "app-1", 1, 0)]).await.commit().await;
    let open = Open::begin(&world.rig, &[seed::record(ID, "app-1", 2, 0)]).await;

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
    let open = Open::begin(&world.rig, &[seed::record(ID, "app-1", 9, 0)]).await;
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
    assert!(former.terminate(PATIENCE).await.unwrap().success());
}
