//! What was accepted in a time is sent to a subscription.

use std::collections::BTreeSet;

use super::*;
use crate::raw::{Open, fanout_has_done_all};
use crate::seed::changed_record;
use crate::world::as_admin;
use aerogram_wire::v1::Replay;

#[tokio::test]
async fn a_time_is_replayed_to_a_subscription_that_was_made_later() {
    let ground = Ground::new("api-repair-replay", &[]).await;
    let [first, second] = &ground.callers;
    let mut accepted = Vec::new();
    for ago_ms in [50_000, 40_000, 30_000, 20_000, 10_000] {
        let wanted = ground.logs.accept(event(&event_id("replayed")), ago_ms).await;
        ground.logs.receipt(&wanted, 0, None).await;
        accepted.push(wanted);
        let mut other = event(&event_id("other"));
        other.r#type = "FLIGHT_CANCEL".into();
        ground.logs.accept(other, ago_ms).await;
    }
    let repeated = ground.logs.accept(event(&accepted[2].event.id), 30_000).await;
    ground.logs.receipt(&repeated, 0, Some(accepted[2].position)).await;
    let delivered = ground.logs.deliver(&accepted[3], "app-1", &ground.subscription).await;
    let epoch = ground.logs.claim(&delivered).await;
    ground.logs.tell(&delivered, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    fanout_has_done_all(&ground.world.rig).await;
    let at = |ms: i64| aerogram_domain::time::iso_millis(ms);
    let path = format!("/subscriptions/{}/replays", ground.subscription);
    let time = json!({
        "since": at(accepted[1].at_ms), "until": at(accepted[4].at_ms), "dryRun": true,
    });
    let dry = post(second, &path, &[], Some(&time)).await;
    assert_eq!(dry.status, 200, "{}", dry.text());
    let dry = dry.json();
    assert_eq!(
        dry,
        json!({
            "dryRun": true, "events": 11, "matching": 4, "repetitions": 1, "alreadyDelivered": 1, "wouldBeSent": 2,
            "complete": true,
        })
    );
    assert!(entries(&ground.world.rig).is_empty());
    let mut time = time;
    time["dryRun"] = json!(false);
    let begun = post(first, &path, &[], Some(&time)).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let done = over(second, text(&begun.json(), "id")).await;
    assert_eq!((text(&done, "state"), &done["progress"]["sent"]), ("DONE", &json!(2)), "{done}");
    assert_eq!(done["replay"]["subscriptionId"], ground.subscription);
    let sent: Vec<_> =
        entries(&ground.world.rig).into_iter().map(|(_, entry)| entry.delivery.unwrap()).collect();
    let ids: BTreeSet<_> = sent.iter().map(|delivery| delivery.event.clone().unwrap().id).collect();
    assert_eq!(ids, BTreeSet::from([accepted[1].event.id.clone(), accepted[2].event.id.clone()]));
    // What waits is left out, unless all are wanted.
    let again = post(first, &path, &[], Some(&time)).await.json();
    let again = over(first, text(&again, "id")).await;
    assert_eq!(again["progress"]["sent"], 0, "{again}");
    time["all"] = json!(true);
    let all = post(first, &path, &[], Some(&time)).await.json();
    let all = over(first, text(&all, "id")).await;
    assert_eq!(all["progress"]["sent"], 3, "{all}");
    // The same delivery as matching made of it, as other runs.
    let ids: BTreeSet<_> = entries(&ground.world.rig).iter().map(|(key, _)| key.run.delivery_id).collect();
    assert!(ids.len() == 3 && ids.contains(&key(&delivered).delivery_id));

    let others = Caller::new(&ground.instances[0].base, "app-2", "token-of-acme");
    assert_eq!(post(&others, &path, &[], Some(&time)).await.status, 404);
    for wrong in
        [json!({}), json!({"since": "9999-01-01T00:00:00Z"}), json!({"since": at(5), "until": at(4)})]
    {
        let answer = post(first, &path, &[], Some(&wrong)).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    first.patch(&ground.subscription, &json!({"status": "INACTIVE"})).await;
    assert_eq!(post(second, &path, &[], Some(&time)).await.status, 409);
    ground.stop().await;
}

#[tokio::test]
async fn a_replay_of_a_pair_that_may_not_have_it_any_more_fails() {
    let ground = Ground::new("api-repair-replay-ended", &[]).await;
    let subscription = "0192d3a4-0000-7000-8000-0000000000f7";
    let orders = changed_record(subscription, "app-6", 1, 0, |subscription| {
        subscription.event_type = "OrderCreated".into();
        subscription.profile = "staffing".into();
    });
    Open::begin(&ground.world.rig, &[orders]).await.commit().await;
    // The tokens of one have only flights, the other has none.
    for (number, partner, why) in
        [(8, "app-6", "not entitled to OrderCreated"), (9, "app-99", "may not call")]
    {
        let id = [number; 16];
        let replay = Replay {
            subscription_id: subscription.to_owned(),
            from_ms: now_ms() - 1_000,
            until_ms: now_ms(),
            all: false,
        };
        ground.begun(id, partner, Work::Replay(replay), now_ms()).await;
        let path = format!("/tasks/{}", uuid::Uuid::from_bytes(id));
        let failed = eventually("a task is over", async || {
            let answer = as_admin(&ground.instances[1].base, &path).await;
            (answer.status == 200 && text(&answer.json(), "state") != "RUNNING").then(|| answer.json())
        })
        .await;
        assert!(text(&failed, "state") == "FAILED" && text(&failed, "detail").contains(why), "{failed}");
    }
    assert!(entries(&ground.world.rig).is_empty());
    ground.stop().await;
}
