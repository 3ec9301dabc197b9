//! Moves of the one callback URL, and creations that are repeated meanwhile: what is established is never taken back.

use aerogram_testkit::Answer;
use aerogram_wire::v1::Subscription;
use http::Method;
use serde_json::json;

use crate::errors::problem;
use crate::one_url::{A, B, C, all, staffing, urls};
use crate::raw::Open;
use crate::seed;
use crate::world::{Caller, World, eventually, shared};

async fn post(caller: &Caller, environment: &str, url: &str, key: &str) -> Answer {
    let headers = [("idempotency-key", key)];
    caller.send(Method::POST, "/subscriptions", &headers, Some(&staffing(url, environment))).await
}

fn id(created: &Answer) -> String {
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["id"].as_str().unwrap().to_owned()
}

/// Each of them is named in a move while its creation, and that of another one, is repeated through the other instance.
#[tokio::test]
async fn what_is_repeated_during_a_move_stays_and_moves_along() {
    const COUNT: usize = 10;
    const PLACE: &str = "non-production";
    let shared = shared();
    let [a, b] = shared.bases.each_ref().map(|base| Caller::new(base, "app-11", "token-of-acme"));
    let mut ids = Vec::new();
    for n in 0..COUNT {
        ids.push(id(&post(&a, PLACE, A, &format!("move-{n}")).await));
    }
    for (round, named) in [COUNT - 1, 0, COUNT / 2, COUNT - 1].into_iter().enumerate() {
        let to = if round % 2 == 0 { B } else { A };
        let change = json!({"callbackUrl": to});
        let mut moving = Box::pin(a.patch(&ids[named], &change));
        let mut repeats = 0;
        let moved = loop {
            let other = (named + repeats) % COUNT;
            let key = format!("move-{other}");
            let repeating = post(&b, PLACE, A, &key);
            let (repeat, moved) = tokio::select! {
                moved = &mut moving => (None, Some(moved)),
                repeat = repeating => (Some(repeat), None),
            };
            if let Some(repeat) = repeat {
                assert_eq!(id(&repeat), ids[other], "round {round}");
                repeats += 1;
            }
            if let Some(moved) = moved {
                break moved;
            }
        };
        assert_eq!((moved.status, &moved.json()["callbackUrl"]), (200, &json!(to)), "{}", moved.text());
        assert_eq!(id(&post(&b, PLACE, A, &format!("move-{named}")).await), ids[named]);
        let there: Vec<_> = all(&b, PLACE).await.into_iter().map(|(id, ..)| id).collect();
        assert_eq!(there, ids, "round {round}, after {repeats} repeats");
        assert_eq!(urls(&b, PLACE).await, [to], "round {round}");
    }
    for id in &ids {
        assert_eq!(a.delete(id).await.status, 204);
    }
}

/// As a move leaves them when it is interrupted: the oldest, and the youngest, still as created, one between them moved.
#[tokio::test]
async fn after_an_interrupted_move_repeats_take_nothing_back_and_the_same_move_completes_it() {
    const PLACE: &str = "production";
    const MOVED: &str = "0192d3a4-0000-7000-8000-0000000000f2";
    let world = World::new("api-one-url", 1, &[]).await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let first = id(&post(&caller, PLACE, A, "first").await);
    let last = id(&post(&caller, PLACE, A, "last").await);
    let moved = |created_at_ms: i64| {
        seed::changed_record(MOVED, "app-1", 2, 0, |subscription: &mut Subscription| {
            "staffing".clone_into(&mut subscription.profile);
            "FLIGHT_CREW_ASSIGNMENT".clone_into(&mut subscription.event_type);
            B.clone_into(&mut subscription.callback_url);
            subscription.created_at_ms = created_at_ms;
        })
    };
    // Before both of them, and after both.
    for created_at_ms in [1_000, 4_000_000_000_000] {
        Open::begin(&world.rig, &[moved(created_at_ms)]).await.commit().await;
        for (key, created) in [("first", &first), ("last", &last)] {
            assert_eq!(id(&post(&caller, PLACE, A, key).await), *created);
            let shown = caller.get(&format!("/subscriptions/{created}")).await;
            assert_eq!((shown.header("etag"), &shown.json()["callbackUrl"]), (Some("\"1\""), &json!(A)));
        }
        assert_eq!(all(&caller, PLACE).await.len(), 3);
    }
    // This instance does not decide on what others wrote, so a move can't get through: the named one is as it was.
    let path = format!("/subscriptions/{first}");
    let change = json!({"callbackUrl": C});
    let move_it = async |caller: &Caller| {
        caller.send(Method::PATCH, &path, &[("if-match", "\"1\"")], Some(&change)).await
    };
    assert_eq!(problem(&move_it(&caller).await), (409, vec![]));
    assert_eq!(caller.get(&path).await.header("etag"), Some("\"1\""));
    instance.stop().await;

    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let completed = eventually("the same move again", async || {
        let answer = move_it(&caller).await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    assert_eq!((completed.status, completed.header("etag")), (200, Some("\"2\"")), "{}", completed.text());
    assert_eq!(urls(&caller, PLACE).await, [C]);
    for (key, created) in [("first", &first), ("last", &last)] {
        assert_eq!(id(&post(&caller, PLACE, A, key).await), *created);
    }
    assert_eq!((all(&caller, PLACE).await.len(), urls(&caller, PLACE).await), (3, vec![C.to_owned()]));
    instance.stop().await;
}

/// The change of the named one comes last, so what it would be refused for is found before.
#[tokio::test]
async fn what_is_refused_moves_nothing() {
    const PLACE: &str = "production";
    let world = World::new("api-one-url-refused", 1, &[]).await;
    let [expired, other] = [("f3", 2_000), ("f4", 0)].map(|(end, expires_at_ms)| {
        let id = format!("0192d3a4-0000-7000-8000-0000000000{end}");
        seed::changed_record(&id, "app-1", 1, expires_at_ms, |subscription: &mut Subscription| {
            "staffing".clone_into(&mut subscription.profile);
            "FLIGHT_CREW_ASSIGNMENT".clone_into(&mut subscription.event_type);
            A.clone_into(&mut subscription.callback_url);
        })
    });
    let id = expired.key.clone();
    Open::begin(&world.rig, &[expired, other]).await.commit().await;
    let instance = world.instance().await;
    let caller = Caller::new(&instance.base, "app-1", "token-of-acme");
    let answer = caller.patch(&id, &json!({"callbackUrl": B, "status": "ACTIVE"})).await;
    assert_eq!(problem(&answer), (409, vec![]));
    assert!(answer.text().contains("expired"), "{}", answer.text());
    assert_eq!(urls(&caller, PLACE).await, [A]);
    assert_eq!(caller.patch(&id, &json!({"callbackUrl": B})).await.status, 200);
    assert_eq!(urls(&caller, PLACE).await, [B]);
    instance.stop().await;
}
