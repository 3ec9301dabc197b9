//! One delivery is sent again, whichever way it is asked for.

use super::*;
use crate::raw::delete_before;
use aerogram_domain::escalations::{redelivery_run, run_name};
use aerogram_wire::v1::PendingKind;

#[tokio::test]
async fn one_that_ended_is_sent_again_as_another_run() {
    let ground = Ground::new("api-repair-one", &[]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    let delivery = ground.ended(epoch, LineKind::Delivered, 200).await;
    let path = format!("/deliveries/{}/redeliveries", name(&delivery));
    let with_key = [("idempotency-key", "k-1")];
    let answer = post(first, &path, &with_key, Some(&json!({"why": "they lost it"}))).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["redeliveryOf"], name(&delivery));
    assert_eq!(told["webhookId"], name(&delivery));
    let location = answer.header("location").unwrap().to_owned();
    assert!(location.ends_with(text(&told, "id")), "{location}");
    // The same again is the same run, of which there is one entry.
    assert_eq!(post(second, &path, &with_key, None).await.json(), told);
    let other = post(second, &path, &[], None).await.json();
    assert_ne!(other["id"], told["id"]);
    let written = entries(&ground.world.rig);
    assert_eq!(written.len(), 2, "{written:?}");
    let (written_as, entry) = &written[0];
    assert_eq!(run_name(written_as.run), text(&told, "id"));
    assert_eq!((written_as.seq, entry.kind()), (0, PendingKind::Retry));
    let again = entry.delivery.clone().unwrap();
    assert_eq!((&again.event, again.issued_at_ms), (&delivery.event, entry.due_at_ms));
    assert_eq!((again.event_position, again.attempts_made), (delivery.event_position, 0));
    // It is in the list, and being under way is not sent once more.
    let shown = second.get(&format!("/deliveries/{}", text(&told, "id"))).await;
    assert_eq!((shown.status, text(&shown.json(), "run")), (200, "redelivery"));
    let under_way = post(first, &format!("/deliveries/{}/redeliveries", text(&told, "id")), &[], None).await;
    assert_eq!(under_way.status, 409, "{}", under_way.text());

    let others = Caller::new(&ground.instances[0].base, "app-2", "token-of-acme");
    assert_eq!(post(&others, &path, &[], None).await.status, 404);
    assert_eq!(post(first, "/deliveries/msg_00/redeliveries", &[], None).await.status, 404);
    first.patch(&ground.subscription, &json!({"status": "INACTIVE"})).await;
    let inactive = post(second, &path, &[], None).await;
    assert!(inactive.status == 409 && inactive.text().contains("not active"), "{}", inactive.text());
    first.patch(&ground.subscription, &json!({"status": "ACTIVE"})).await;
    let position = delivery.event_position.unwrap();
    delete_before(&ground.world.rig, Topic::Events.name(), 0, position.offset + 1).await;
    let gone = post(second, &path, &[], None).await;
    assert_eq!(gone.status, 410, "{}", gone.text());
    assert_eq!(first.delete(&ground.subscription).await.status, 204);
    let deleted = post(second, &path, &[], None).await;
    assert!(deleted.status == 409 && deleted.text().contains("deleted"), "{}", deleted.text());
    ground.stop().await;
}

#[tokio::test]
async fn what_was_given_up_is_redelivered_as_an_escalation_whichever_way_it_is_asked_for() {
    let ground = Ground::new("api-repair-given-up", &[]).await;
    let [first, second] = &ground.callers;
    let epoch = ground.epoch().await;
    let delivery = ground.given_up(epoch).await;
    let id = name(&delivery);
    let run = run_name(RunKey { run: redelivery_run(key(&delivery)), ..key(&delivery) });
    let ways = [
        (first, format!("/deliveries/{id}/redeliveries")),
        (second, format!("/escalations/{id}/redeliveries")),
        (second, format!("/deliveries/{id}/redeliveries")),
    ];
    for (caller, path) in &ways {
        let answer = post(caller, path, &[], None).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert!(answer.text().contains(&run), "{}", answer.text());
    }
    let written = entries(&ground.world.rig);
    assert_eq!(written.len(), 1, "{written:?}");
    let shown = second.get(&format!("/escalations/{id}")).await.json();
    assert_eq!(shown["state"], "redelivered");
    ground.stop().await;
}
