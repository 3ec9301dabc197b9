//! Which of many are sent again: the latest run of each, none that waits for its escalation, and nothing that history forgot.

use std::collections::BTreeSet;

use super::*;
use crate::raw::fanout_has_done_all;
use aerogram_domain::escalations::{redelivery_run, run_name};
use aerogram_domain::repair::run_by_task;
use aerogram_wire::v1::Replay;

/// However many runs of it match.
#[tokio::test]
async fn of_a_delivery_only_the_latest_run_is_sent_again() {
    let ground = Ground::new("api-repair-latest", &[]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    let subscription = json!({"status": ["CANCELLED"], "subscriptionId": ground.subscription});
    let mut latest = BTreeSet::new();
    // Of the first one nothing ended otherwise, the second one arrived later, and the third one is under way.
    for (number, second_run) in
        [Some(LineKind::Cancelled), Some(LineKind::Delivered), None].into_iter().enumerate()
    {
        let live = ground.ended(epoch, LineKind::Cancelled, 503).await;
        let again = Delivery { run: 5, issued_at_ms: now_ms() - HOUR_MS / 2, ..live };
        ground.logs.write_delivery(&again).await;
        if let Some(kind) = second_run {
            ground.logs.tell(&again, epoch, kind, Some(attempt(1, 503, again.issued_at_ms))).await;
        }
        if number == 0 {
            latest.insert(key(&again));
        }
    }
    let begun = post(first, "/redeliveries", &[], Some(&subscription)).await.json();
    let id = text(&begun, "id");
    let done = over(second, id).await;
    // The one of the beginning has no other run.
    assert_eq!((&done["progress"]["seen"], &done["progress"]["sent"]), (&json!(5), &json!(2)), "{done}");
    let task = uuid::Uuid::parse_str(id).unwrap().into_bytes();
    let sent: BTreeSet<_> = entries(&ground.world.rig).iter().map(|(key, _)| key.run).collect();
    let expected = latest.iter().map(|key| RunKey { run: run_by_task(&task, *key), ..*key });
    assert_eq!(sent.len(), 2);
    assert!(expected.into_iter().all(|run| sent.contains(&run)), "{sent:?}");
    ground.stop().await;
}

#[tokio::test]
async fn what_was_given_up_just_now_waits_until_it_is_among_the_escalations() {
    let ground = Ground::new("api-repair-not-yet", &[]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    let delivery = ground.ended(epoch, LineKind::Escalated, 503).await;
    let path = format!("/deliveries/{}/redeliveries", name(&delivery));
    let too_early = post(first, &path, &[], None).await;
    assert_eq!(too_early.status, 503, "{}", too_early.text());
    assert!(too_early.header("retry-after").is_some());
    // Neither does a task, nor a replay, go past it.
    let begun = post(first, "/redeliveries", &[], Some(&json!({}))).await.json();
    let since = json!({"since": aerogram_domain::time::iso_millis(now_ms() - 2 * HOUR_MS), "all": true});
    let replays = format!("/subscriptions/{}/replays", ground.subscription);
    let other = post(first, "/redeliveries", &[], Some(&json!({"status": "EXPIRED"}))).await.json();
    assert_eq!(over(second, text(&other, "id")).await["state"], "DONE");
    let stands = second.get(&format!("/tasks/{}", text(&begun, "id"))).await.json();
    assert_eq!((&stands["state"], &stands["progress"]["seen"]), (&json!("RUNNING"), &json!(0)), "{stands}");
    assert!(entries(&ground.world.rig).is_empty());

    ground.escalate(&delivery, now_ms()).await;
    let done = over(second, text(&begun, "id")).await;
    assert_eq!((&done["state"], &done["progress"]["sent"]), (&json!("DONE"), &json!(1)), "{done}");
    let redelivered = RunKey { run: redelivery_run(key(&delivery)), ..key(&delivery) };
    let runs = || entries(&ground.world.rig).iter().map(|(key, _)| key.run).collect::<Vec<_>>();
    assert_eq!(runs(), [redelivered]);
    let answer = post(first, &path, &[], None).await;
    assert!(answer.status == 202 && answer.text().contains(&run_name(redelivered)), "{}", answer.text());

    // A replay deals with what was given up as well.
    let given_up = ground.given_up(epoch).await;
    fanout_has_done_all(&ground.world.rig).await;
    let replay = post(first, &replays, &[], Some(&since)).await.json();
    let replayed = over(second, text(&replay, "id")).await;
    assert_eq!(replayed["state"], "DONE", "{replayed}");
    let shown = second.get(&format!("/escalations/{}", name(&given_up))).await.json();
    assert_eq!(shown["state"], "redelivered", "{shown}");
    let again = post(first, "/redeliveries", &[], Some(&json!({}))).await.json();
    assert_eq!(over(second, text(&again, "id")).await["progress"]["sent"], 0);
    let of_it = RunKey { run: redelivery_run(key(&given_up)), ..key(&given_up) };
    let sent: Vec<_> =
        runs().into_iter().filter(|run| run.delivery_id == key(&given_up).delivery_id).collect();
    assert_eq!(sent, [of_it]);
    ground.stop().await;
}

#[tokio::test]
async fn what_history_has_forgotten_is_replayed_only_with_all() {
    let more = [("TOPICS__RETENTION_MS", "86400000"), ("API__HISTORY_RETENTION_MS", "3600000")];
    let ground = Ground::new("api-repair-forgotten", &more).await;
    let [first, second] = &ground.callers;
    ground.logs.accept(event(&event_id("old")), 2 * HOUR_MS).await;
    fanout_has_done_all(&ground.world.rig).await;
    for (number, all, state) in [(1, false, "FAILED"), (2, true, "DONE")] {
        let replay = Replay {
            subscription_id: ground.subscription.clone(),
            from_ms: now_ms() - 3 * HOUR_MS,
            until_ms: now_ms(),
            all,
        };
        ground.begun([number; 16], "app-1", Work::Replay(replay), now_ms()).await;
        let ended = over(first, &uuid::Uuid::from_bytes([number; 16]).to_string()).await;
        assert_eq!(ended["state"], state, "{ended}");
        let told = ended["detail"].as_str().unwrap_or_default();
        assert_eq!(told.contains("history tells what was delivered since"), !all, "{ended}");
        assert_eq!(entries(&ground.world.rig).len(), usize::from(all));
    }
    assert_eq!(second.get("/tasks").await.json()["tasks"].as_array().unwrap().len(), 2);
    ground.stop().await;
}
