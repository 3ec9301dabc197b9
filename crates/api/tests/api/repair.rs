//! Sending again: what is written down for it, and who may have it.

mod choice;
mod many;
mod one;
mod replay;
mod replay_behind;
mod test_event;

use aerogram_testkit::{Answer, Rig};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Delivery, Escalation, LineKind, PendingEntry, Reason, Scope, Task, TaskState};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use http::Method;
use serde_json::{Value, json};

use crate::given_up::write;
use crate::logs::{Logs, attempt, event, event_id, name, now_ms};
use crate::raw::everything_in;
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
        self.escalate(&delivery, now_ms() - HOUR_MS / 2).await;
        delivery
    }

    /// It is among the escalations, since then.
    async fn escalate(&self, delivery: &Delivery, escalated_at_ms: i64) {
        let record = Escalation {
            schema: SCHEMA,
            delivery: Some(delivery.clone()),
            reason: Reason::Exhausted.into(),
            escalated_at_ms,
            ..Escalation::default()
        };
        write(&self.world.rig, PARTITIONS, &self.subscription, &[(key(delivery), record)]).await;
    }

    /// A task that an application began on behalf of acme, with a process that is gone.
    async fn begun(&self, id: [u8; 16], partner: &str, work: Work, created_at_ms: i64) {
        let task = Task {
            schema: SCHEMA,
            id: id.to_vec().into(),
            scope: Some(Scope { partner: partner.into(), operator: "acme".into() }),
            actor: partner.into(),
            created_at_ms,
            work: Some(work),
            state: TaskState::Running.into(),
            ..Task::default()
        };
        self.logs.append(Topic::Tasks, 0, &id, Some(task.encode_to_vec())).await;
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
