//! A replay looks no further than fanout is.

use std::collections::BTreeMap;

use super::*;
use crate::logs::Accepted;
use crate::raw::fanout_has_done;

/// Publisher's ids of what was written to be sent, by subscription.
fn sent(rig: &Rig) -> BTreeMap<String, Vec<String>> {
    let mut sent = BTreeMap::<String, Vec<String>>::new();
    for (_, entry) in entries(rig) {
        let delivery = entry.delivery.unwrap();
        sent.entry(delivery.subscription_id).or_default().push(delivery.event.unwrap().id);
    }
    sent.values_mut().for_each(|ids| ids.sort());
    sent
}

async fn progress(caller: &Caller, id: &str) -> Value {
    let task = caller.get(&format!("/tasks/{id}")).await.json();
    assert_eq!(task["state"], "RUNNING", "{task}");
    task["progress"].clone()
}

fn names(accepted: &[Accepted], which: &[usize]) -> Vec<String> {
    let mut names: Vec<_> = which.iter().map(|at| accepted[*at].event.id.clone()).collect();
    names.sort();
    names
}

/// Five events, of which the last three wait for fanout.
#[tokio::test]
async fn what_waits_for_fanout_is_not_sent_and_what_it_did_not_match_is_when_it_has_dealt_with_it() {
    let more = [("API__COMMAND_TIMEOUT_MS", "3000")];
    let ground = Ground::new("api-repair-behind", &more).await;
    let [first, second] = &ground.callers;
    let mut other = wish();
    other["callbackUrl"] = json!("https://receiver.example/other");
    let other = first.created(&other).await;
    let mut accepted = Vec::new();
    for ago_ms in [50_000, 40_000, 30_000, 20_000, 10_000] {
        accepted.push(ground.logs.accept(event(&event_id("behind")), ago_ms).await);
    }
    // The first was delivered to the other one.
    let delivered = ground.logs.deliver(&accepted[0], "app-1", &other).await;
    let epoch = ground.logs.claim(&delivered).await;
    ground.logs.tell(&delivered, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    ground.logs.receipt(&accepted[0], 1, None).await;
    ground.logs.receipt(&accepted[1], 0, None).await;
    // A restarted fanout emits this again: it is not committed.
    ground.logs.deliver(&accepted[2], "app-1", &ground.subscription).await;
    let rig = &ground.world.rig;
    fanout_has_done(rig, accepted[2].position.offset).await;

    let path = |subscription: &str| format!("/subscriptions/{subscription}/replays");
    let since = aerogram_domain::time::iso_millis(accepted[0].at_ms);
    let plain = json!({"since": since});
    let all = json!({"since": since, "all": true});
    let dry = json!({"since": since, "dryRun": true});
    let counted = post(second, &path(&ground.subscription), &[], Some(&dry)).await.json();
    assert_eq!((&counted["events"], &counted["wouldBeSent"]), (&json!(2), &json!(2)), "{counted}");
    assert_eq!(counted["complete"], false, "{counted}");
    let task = post(first, &path(&ground.subscription), &[], Some(&plain)).await.json();
    let of_all = post(first, &path(&other), &[], Some(&all)).await.json();
    let (task, of_all) = (text(&task, "id"), text(&of_all, "id"));
    for id in [task, of_all] {
        eventually("what fanout has dealt with is sent", async || {
            (progress(second, id).await["sent"] == 2).then_some(())
        })
        .await;
    }
    let dealt_with = names(&accepted, &[0, 1]);
    let both = |of_one: Vec<String>, of_other: Vec<String>| {
        BTreeMap::from([(ground.subscription.clone(), of_one), (other.clone(), of_other)])
    };
    assert_eq!(sent(rig), both(dealt_with.clone(), dealt_with.clone()));
    for id in [task, of_all] {
        let shown = eventually("it says what it waits for", async || {
            let shown = second.get(&format!("/tasks/{id}")).await.json();
            shown["waitsFor"].is_string().then_some(shown)
        })
        .await;
        let said = text(&shown, "waitsFor");
        assert!(said.starts_with("fanout, ") && said.contains("3 events at most, in 1 partitions"), "{said}");
    }
    let list = second.get("/tasks").await.json();
    assert!(list["tasks"].as_array().unwrap().iter().all(|task| task["waitsFor"].is_null()), "{list}");

    // Whoever takes them over goes on waiting.
    let third = ground.world.instance().await;
    let caller = Caller::new(&third.base, "app-1", "token-of-acme");
    for instance in ground.instances {
        instance.stop().await;
    }
    let looked = post(&caller, "/redeliveries", &[], Some(&json!({"status": "EXPIRED"}))).await.json();
    assert_eq!(over(&caller, text(&looked, "id")).await["state"], "DONE", "it carries tasks out");
    for id in [task, of_all] {
        assert_eq!(progress(&caller, id).await["sent"], 2);
    }
    assert_eq!(sent(rig), both(dealt_with.clone(), dealt_with));

    // It had not read yet of the one when it matched the fourth, and of the other when it matched the last.
    for (event, subscription) in
        [(2, &ground.subscription), (2, &other), (3, &other), (4, &ground.subscription)]
    {
        ground.logs.deliver(&accepted[event], "app-1", subscription).await;
    }
    // What came later is not what was asked for.
    let late = ground.logs.accept(event(&event_id("late")), 15_000).await;
    for event in &accepted[2..] {
        ground.logs.receipt(event, 1, None).await;
    }
    fanout_has_done(rig, late.position.offset + 1).await;
    let done = over(&caller, task).await;
    assert_eq!((&done["state"], &done["progress"]["sent"]), (&json!("DONE"), &json!(3)), "{done}");
    assert!(done["waitsFor"].is_null(), "{done}");
    let done = over(&caller, of_all).await;
    assert_eq!((&done["state"], &done["progress"]["sent"]), (&json!("DONE"), &json!(3)), "{done}");
    assert_eq!(sent(rig), both(names(&accepted, &[0, 1, 3]), names(&accepted, &[0, 1, 4])));
    let counted = post(&caller, &path(&ground.subscription), &[], Some(&dry)).await.json();
    assert_eq!((&counted["complete"], &counted["wouldBeSent"]), (&json!(true), &json!(1)), "{counted}");
    third.stop().await;
}

/// What came long after the time that is replayed is none of its business.
#[tokio::test]
async fn a_time_long_past_does_not_wait_for_fanout() {
    const MINUTE_MS: i64 = 60_000;
    let ground = Ground::new("api-repair-past", &[]).await;
    let [caller, _] = &ground.callers;
    let waits = ground.logs.accept(event(&event_id("waits")), 0).await;
    let before = |minutes: i64| aerogram_domain::time::iso_millis(waits.at_ms - minutes * MINUTE_MS);
    let path = format!("/subscriptions/{}/replays", ground.subscription);
    let dry = json!({"since": before(30), "until": before(20), "dryRun": true});
    let counted = post(caller, &path, &[], Some(&dry)).await.json();
    assert_eq!((&counted["complete"], &counted["wouldBeSent"]), (&json!(true), &json!(0)), "{counted}");
    let time = json!({"since": before(30), "until": before(20)});
    let task = post(caller, &path, &[], Some(&time)).await.json();
    let done = over(caller, text(&task, "id")).await;
    assert_eq!((&done["state"], &done["progress"]["sent"]), (&json!("DONE"), &json!(0)), "{done}");
    // Of the time until now it is a part.
    let until_now = post(caller, &path, &[], Some(&json!({"since": before(30)}))).await.json();
    let id = text(&until_now, "id");
    eventually("it waits", async || {
        let shown = caller.get(&format!("/tasks/{id}")).await.json();
        shown["waitsFor"].is_string().then_some(())
    })
    .await;
}
