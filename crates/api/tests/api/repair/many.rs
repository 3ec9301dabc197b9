//! All that match are sent again, by a task that can be looked at and cancelled.

use std::collections::BTreeSet;

use super::*;
use crate::world::as_admin;
use aerogram_domain::escalations::redelivery_run;
use aerogram_domain::repair::run_by_task;
use aerogram_wire::v1::{PendingKind, Redeliver};

#[tokio::test]
async fn all_that_match_are_sent_again_once() {
    let ground = Ground::new("api-repair-all", &[]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    let mut delivered = Vec::new();
    for _ in 0..230 {
        delivered.push(ground.ended(epoch, LineKind::Delivered, 200).await);
    }
    let mut given_up = Vec::new();
    for _ in 0..4 {
        given_up.push(ground.given_up(epoch).await);
    }
    let dismissal = format!("/escalations/{}/dismissal", name(&given_up[3]));
    assert_eq!(post(first, &dismissal, &[], Some(&json!({"why": "known"}))).await.status, 200);
    let all =
        json!({"status": ["DELIVERED", "ESCALATED"], "subscriptionId": ground.subscription, "dryRun": true});
    let dry = post(first, "/redeliveries", &[], Some(&all)).await;
    assert_eq!(dry.status, 200, "{}", dry.text());
    let dry = dry.json();
    assert_eq!((&dry["matching"], dry["first"].as_array().unwrap().len()), (&json!(234), 10));
    assert_eq!(dry["first"][0]["id"], name(&delivered[0]));
    assert!(entries(&ground.world.rig).is_empty());
    let given = post(first, "/redeliveries", &[], Some(&json!({"dryRun": true}))).await.json();
    assert_eq!(given["matching"], 4, "{given}");

    let wish = json!({"status": ["DELIVERED", "ESCALATED"], "subscriptionId": ground.subscription});
    let with_key = [("idempotency-key", "all")];
    let begun = post(first, "/redeliveries", &with_key, Some(&wish)).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let id = text(&begun.json(), "id").to_owned();
    assert!(begun.header("location").unwrap().ends_with(&format!("/tasks/{id}")));
    assert_eq!(post(second, "/redeliveries", &with_key, Some(&wish)).await.json()["id"], id);
    let done = over(second, &id).await;
    assert_eq!((text(&done, "state"), text(&done, "createdBy")), ("DONE", "app-1"));
    assert_eq!((&done["progress"]["seen"], &done["progress"]["sent"]), (&json!(234), &json!(233)), "{done}");
    assert_eq!(done["redelivery"]["status"], json!(["DELIVERED", "ESCALATED"]));
    let listed = first.get("/tasks").await.json();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1, "{listed}");

    let written = entries(&ground.world.rig);
    let task = uuid::Uuid::parse_str(&id).unwrap().into_bytes();
    let expected: BTreeSet<_> = delivered
        .iter()
        .map(|delivery| RunKey { run: run_by_task(&task, key(delivery)), ..key(delivery) })
        .chain(
            given_up[..3]
                .iter()
                .map(|delivery| RunKey { run: redelivery_run(key(delivery)), ..key(delivery) }),
        )
        .collect();
    let keys: BTreeSet<_> = written.iter().map(|(key, _)| key.run).collect();
    assert_eq!(keys, expected);
    assert_eq!(written.len(), 233, "each is written once");
    assert!(written.iter().all(|(_, entry)| entry.kind() == PendingKind::Parked));
    let settled = second.get("/escalations?state=redelivered").await.json();
    assert_eq!(settled["escalations"].as_array().unwrap().len(), 3, "{settled}");
    // What was redelivered is not redelivered by the same wish again.
    let again = post(first, "/redeliveries", &[], Some(&json!({}))).await.json();
    let again = over(first, text(&again, "id")).await;
    assert_eq!(
        (&again["progress"]["seen"], &again["progress"]["leftOut"]),
        (&json!(4), &json!(4)),
        "{again}"
    );

    let others = Caller::new(&ground.instances[0].base, "app-2", "token-of-acme");
    assert_eq!(others.get("/tasks").await.json(), json!({"tasks": []}));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(others.send(method, &format!("/tasks/{id}"), &[], None).await.status, 404);
    }
    let seen = as_admin(&ground.instances[1].base, &format!("/tasks/{id}")).await;
    assert_eq!((seen.status, &seen.json()["partner"]), (200, &json!("app-1")));
    assert_eq!(first.send(Method::DELETE, &format!("/tasks/{id}"), &[], None).await.status, 409);
    for (wrong, pointers) in [
        (json!({"status": "PARKED", "since": 5}), json!(["/status", "/since"])),
        (json!({"status": ["ESCALATED", "x"], "dryRun": "yes"}), json!(["/status/1", "/dryRun"])),
        (json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}), json!(["/until"])),
    ] {
        let answer = post(first, "/redeliveries", &[], Some(&wrong)).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let told: Vec<_> = answer.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].clone())
            .collect();
        assert_eq!(json!(told), pointers);
    }
    ground.stop().await;
}

/// Whoever wrote them died before it said how far it was, perhaps long ago.
#[tokio::test]
async fn what_a_task_has_sent_already_is_not_written_again() {
    let ground = Ground::new("api-repair-again", &[]).await;
    let epoch = ground.epoch().await;
    let id = [7; 16];
    let mut ended = Vec::new();
    for _ in 0..3 {
        ended.push(ground.ended(epoch, LineKind::Delivered, 200).await);
    }
    let made_at_ms = now_ms();
    for (number, delivery) in ended[..2].iter().enumerate() {
        let run = run_by_task(&id, key(delivery));
        let again = Delivery { run, issued_at_ms: made_at_ms, from_pending: true, ..delivery.clone() };
        ground.logs.write_delivery(&again).await;
        if number == 0 {
            ground.logs.tell(&again, epoch, LineKind::Delivered, Some(attempt(1, 200, made_at_ms))).await;
        }
    }
    let redeliver = Redeliver {
        statuses: vec!["DELIVERED".into()],
        subscription_id: ground.subscription.clone(),
        issued_until_ms: made_at_ms,
        ..Redeliver::default()
    };
    ground.begun(id, "app-1", Work::Redeliver(redeliver), made_at_ms).await;
    let done = over(&ground.callers[1], &uuid::Uuid::from_bytes(id).to_string()).await;
    assert_eq!((text(&done, "state"), &done["progress"]["sent"]), ("DONE", &json!(3)), "{done}");
    let written: Vec<_> = entries(&ground.world.rig).into_iter().map(|(key, _)| key.run).collect();
    assert_eq!(written, [RunKey { run: run_by_task(&id, key(&ended[2])), ..key(&ended[2]) }]);
    ground.stop().await;
}

#[tokio::test]
async fn a_task_goes_no_further_than_so_many_wait_and_can_be_cancelled() {
    let ground = Ground::new("api-repair-cancel", &[("API__TASK_WAITING_MAX", "7")]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    for _ in 0..20 {
        ground.ended(epoch, LineKind::Delivered, 200).await;
    }
    let begun = post(first, "/redeliveries", &[], Some(&json!({"status": "DELIVERED"}))).await.json();
    let path = format!("/tasks/{}", text(&begun, "id"));
    // Nobody sends anything here.
    let full = eventually("seven wait", async || {
        let task = second.get(&path).await.json();
        (task["progress"]["waiting"] == 7 && task["progress"]["sent"] == 7).then_some(task)
    })
    .await;
    assert_eq!((text(&full, "state"), &full["progress"]["sent"]), ("RUNNING", &json!(7)), "{full}");
    // They end, and as many more are sent.
    let written = entries(&ground.world.rig);
    for (_, entry) in &written {
        let delivery = entry.delivery.clone().unwrap();
        ground.logs.write_delivery(&delivery).await;
        ground.logs.tell(&delivery, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    }
    eventually("as many more", async || {
        let task = second.get(&path).await.json();
        (task["progress"]["sent"] == 14).then_some(task)
    })
    .await;
    for caller in [second, first] {
        let cancelled = caller.send(Method::DELETE, &path, &[], None).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text());
        let cancelled = cancelled.json();
        assert_eq!(text(&cancelled, "state"), "CANCELLED");
        assert_eq!(text(&cancelled, "detail"), "cancelled by app-1");
    }
    for (_, entry) in entries(&ground.world.rig).iter().skip(7) {
        let delivery = entry.delivery.clone().unwrap();
        ground.logs.write_delivery(&delivery).await;
        ground.logs.tell(&delivery, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    }
    // Another task goes on with room enough, so the cancelled one would have.
    let other = post(first, "/redeliveries", &[], Some(&json!({"status": "EXPIRED"}))).await.json();
    assert_eq!(text(&over(first, text(&other, "id")).await, "state"), "DONE");
    assert_eq!(entries(&ground.world.rig).len(), 14);
    ground.stop().await;
}
