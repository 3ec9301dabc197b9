//! Sending again: what is written down for it, and who may have it.

mod choice;

use std::collections::BTreeSet;

use aerogram_domain::escalations::{redelivery_run, run_name};
use aerogram_domain::repair::run_by_task;
use aerogram_testkit::{Answer, HttpClient, Rig};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{
    Delivery, Escalation, LineKind, PendingEntry, PendingKind, Reason, Redeliver, Replay, Scope, Task,
    TaskState,
};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use http::Method;
use serde_json::{Value, json};

use crate::given_up::write;
use crate::logs::{Logs, attempt, event, event_id, name, now_ms};
use crate::raw::{Open, delete_before, everything_in};
use crate::seed::changed_record;
use crate::world::{Caller, Instance, World, eventually, wish};

const PARTITIONS: i32 = 2;
const HOUR_MS: i64 = 3_600_000;

/// Two instances on topics of their own.
struct Ground {
    world: World,
    instances: [Instance; 2],
    logs: Logs,
    callers: [Caller; 2],
    subscription: String,
}

impl Ground {
    async fn new(test: &str, more: &[(&str, &str)]) -> Self {
        let world = World::new(test, PARTITIONS, more).await;
        let (first, second) = tokio::join!(world.instance(), world.instance());
        let logs = Logs::new(&world.rig, PARTITIONS);
        let callers = [&first, &second].map(|instance| Caller::new(&instance.base, "app-1", "token-of-acme"));
        let subscription = callers[0].created(&wish()).await;
        Self { world, instances: [first, second], logs, callers, subscription }
    }

    /// One of the subscription that ended so.
    async fn ended(&self, epoch: i64, kind: LineKind, status: u32) -> Delivery {
        let accepted = self.logs.accept(event(&event_id("again")), HOUR_MS).await;
        let delivery = self.logs.deliver(&accepted, "app-1", &self.subscription).await;
        self.logs.tell(&delivery, epoch, kind, Some(attempt(1, status, accepted.at_ms))).await;
        delivery
    }

    /// One that was given up.
    async fn given_up(&self, epoch: i64) -> Delivery {
        let delivery = self.ended(epoch, LineKind::Escalated, 503).await;
        let record = Escalation {
            schema: SCHEMA,
            delivery: Some(delivery.clone()),
            reason: Reason::Exhausted.into(),
            escalated_at_ms: now_ms() - HOUR_MS / 2,
            ..Escalation::default()
        };
        write(&self.world.rig, PARTITIONS, &self.subscription, &[(key(&delivery), record)]).await;
        delivery
    }

    async fn epoch(&self) -> i64 {
        let accepted = self.logs.accept(event(&event_id("first")), 48 * HOUR_MS).await;
        let delivery = self.logs.deliver(&accepted, "app-1", &self.subscription).await;
        let epoch = self.logs.claim(&delivery).await;
        self.logs.tell(&delivery, epoch, LineKind::Cancelled, None).await;
        epoch
    }

    async fn stop(self) {
        for instance in self.instances {
            instance.stop().await;
        }
    }
}

fn key(delivery: &Delivery) -> RunKey {
    RunKey::new(&delivery.delivery_id, delivery.run).unwrap()
}

/// What was written to be sent.
fn entries(rig: &Rig) -> Vec<(PendingKey, PendingEntry)> {
    let read = |bytes: Vec<u8>| {
        let (key, payload) = bytes.split_at(PendingKey::LEN_BYTES);
        (PendingKey::decode(key).unwrap(), PendingEntry::decode(payload).unwrap())
    };
    everything_in(rig, Topic::Pending.name()).into_iter().map(read).collect()
}

async fn post(caller: &Caller, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
    caller.send(Method::POST, path, headers, body).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Waits until a task is over.
async fn over(caller: &Caller, id: &str) -> Value {
    eventually("a task is over", async || {
        let answer = caller.get(&format!("/tasks/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let task = answer.json();
        (text(&task, "state") != "RUNNING").then_some(task)
    })
    .await
}

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
    let admin = [("authorization", "Bearer token-of-admin")];
    let seen =
        HttpClient::new().get(&format!("{}/tasks/{id}", ground.instances[1].base), &admin).await.unwrap();
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
    let task = Task {
        schema: SCHEMA,
        id: id.to_vec().into(),
        scope: Some(Scope { partner: "app-1".into(), operator: "acme".into() }),
        actor: "app-1".into(),
        created_at_ms: made_at_ms,
        work: Some(Work::Redeliver(redeliver)),
        state: TaskState::Running.into(),
        ..Task::default()
    };
    ground.logs.append(Topic::Tasks, 0, &id, Some(task.encode_to_vec())).await;
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
        let task = Task {
            schema: SCHEMA,
            id: id.to_vec().into(),
            scope: Some(Scope { partner: partner.into(), operator: "acme".into() }),
            actor: partner.into(),
            created_at_ms: now_ms(),
            work: Some(Work::Replay(replay)),
            state: TaskState::Running.into(),
            ..Task::default()
        };
        ground.logs.append(Topic::Tasks, 0, &id, Some(task.encode_to_vec())).await;
        let path = format!("{}/tasks/{}", ground.instances[1].base, uuid::Uuid::from_bytes(id));
        let failed = eventually("a task is over", async || {
            let answer =
                HttpClient::new().get(&path, &[("authorization", "Bearer token-of-admin")]).await.unwrap();
            (answer.status == 200 && text(&answer.json(), "state") != "RUNNING").then(|| answer.json())
        })
        .await;
        assert!(text(&failed, "state") == "FAILED" && text(&failed, "detail").contains(why), "{failed}");
    }
    assert!(entries(&ground.world.rig).is_empty());
    ground.stop().await;
}

#[tokio::test]
async fn a_test_event_waits_for_the_answer() {
    let ground = Ground::new("api-repair-test", &[("API__COMMAND_TIMEOUT_MS", "5000")]).await;
    let [first, second] = &ground.callers;
    let path = format!("/subscriptions/{}/test-events", ground.subscription);
    let with_key = [("idempotency-key", "t")];
    let late = post(first, &path, &with_key, Some(&json!({"eventType": "FLIGHT_CANCEL"}))).await;
    assert_eq!(late.status, 202, "{}", late.text());
    let late = late.json();
    assert_eq!((text(&late, "status"), &late["attempt"]), ("PENDING", &Value::Null));
    let written = entries(&ground.world.rig);
    assert_eq!(written.len(), 1);
    let delivery = written[0].1.delivery.clone().unwrap();
    let event = delivery.event.clone().unwrap();
    assert!(delivery.once && event.id.starts_with("test-") && event.r#type == "FLIGHT_CANCEL");
    assert_eq!(event.id, text(&late, "eventId"));
    // As the deliverer would.
    ground.logs.write_delivery(&delivery).await;
    let epoch = ground.logs.claim(&delivery).await;
    ground.logs.tell(&delivery, epoch, LineKind::Expired, Some(attempt(1, 500, now_ms()))).await;
    let ended = post(second, &path, &with_key, Some(&json!({"eventType": "FLIGHT_CANCEL"}))).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    let ended = ended.json();
    assert_eq!((&ended["id"], text(&ended, "status")), (&late["id"], "EXPIRED"));
    assert_eq!((&ended["attempt"]["status"], &ended["attempt"]["excerpt"]), (&json!(500), &json!("oh no")));
    assert_eq!(entries(&ground.world.rig).len(), 1);
    let again = format!("/deliveries/{}/redeliveries", text(&ended, "id"));
    assert_eq!(post(first, &again, &[], None).await.status, 409, "a test is not sent again");

    // Two wait; a third one is refused, and nothing of it is written.
    let third = async {
        eventually("two are written", async || (entries(&ground.world.rig).len() == 3).then_some(())).await;
        post(first, &path, &[], None).await
    };
    let (one, two, third) = tokio::join!(post(first, &path, &[], None), post(first, &path, &[], None), third);
    assert_eq!((one.status, two.status, third.status), (202, 202, 429), "{}", third.text());
    assert!(third.header("retry-after").is_some());
    assert_eq!(entries(&ground.world.rig).len(), 3);

    let unknown = post(first, &path, &[], Some(&json!({"eventType": "FLIGHT_UPDATE"}))).await;
    assert!(unknown.status == 400 && unknown.text().contains("/eventType"), "{}", unknown.text());
    let flights = Caller::new(&ground.instances[0].base, "app-3", "token-of-flights");
    let theirs = flights.created(&wish()).await;
    let beyond = format!("/subscriptions/{theirs}/test-events");
    let beyond = post(&flights, &beyond, &[], Some(&json!({"eventType": "OrderCreated"}))).await;
    assert_eq!(beyond.status, 403, "{}", beyond.text());
    assert_eq!(post(&flights, &path, &[], None).await.status, 404);
    first.patch(&ground.subscription, &json!({"status": "INACTIVE"})).await;
    assert_eq!(post(second, &path, &[], None).await.status, 409);
    ground.stop().await;
}
