//! How people see a task.

use aerogram_domain::escalations::Reader;
use aerogram_domain::time::iso_millis;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Redeliver, Replay, Task, TaskState};
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    pub id: String,
    /// `RUNNING`, `DONE`, `CANCELLED` or `FAILED`.
    state: &'static str,
    #[serde(flatten)]
    wish: Wish,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    created_by: String,
    created_at_date_time: String,
    updated_at_date_time: String,
    progress: Progress,
    /// Why it failed, or by whom it was cancelled.
    detail: Option<String>,
}

/// What is to be sent again.
#[derive(Serialize, Debug)]
#[serde(untagged)]
enum Wish {
    Redelivery { redelivery: RedeliveryView },
    Replay { replay: ReplayView },
    Unknown {},
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RedeliveryView {
    status: Vec<String>,
    subscription_id: Option<String>,
    event_type: Option<String>,
    subject: Option<String>,
    since: Option<String>,
    until: String,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct ReplayView {
    subscription_id: String,
    since: String,
    until: String,
    all: bool,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Progress {
    /// Deliveries that match, so far.
    seen: u64,
    sent: u64,
    left_out: u64,
    /// Of those that were sent, so many have not ended yet; counted no further than the most that may wait, and one.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
}

impl TaskView {
    /// `waiting` where it was counted.
    pub fn of(task: &Task, reader: Reader, waiting: Option<u64>) -> Self {
        let progress = task.progress.clone().unwrap_or_default();
        let told = task.scope.as_ref().filter(|_| reader == Reader::Administrator);
        Self {
            id: Uuid::from_slice(&task.id).unwrap_or_default().to_string(),
            state: state_name(task.state()),
            wish: match &task.work {
                Some(Work::Redeliver(redeliver)) => Wish::Redelivery { redelivery: redelivery(redeliver) },
                Some(Work::Replay(replay)) => Wish::Replay { replay: replay_view(replay) },
                None => Wish::Unknown {},
            },
            partner: told.map(|scope| scope.partner.clone()),
            operator: told.map(|scope| scope.operator.clone()),
            created_by: task.actor.clone(),
            created_at_date_time: iso_millis(task.created_at_ms),
            updated_at_date_time: iso_millis(task.updated_at_ms),
            progress: Progress {
                seen: progress.seen,
                sent: progress.sent,
                left_out: progress.left_out,
                waiting,
            },
            detail: some(&task.detail),
        }
    }
}

fn redelivery(redeliver: &Redeliver) -> RedeliveryView {
    RedeliveryView {
        status: redeliver.statuses.clone(),
        subscription_id: some(&redeliver.subscription_id),
        event_type: some(&redeliver.event_type),
        subject: some(&redeliver.subject),
        since: (redeliver.issued_from_ms != 0).then(|| iso_millis(redeliver.issued_from_ms)),
        until: iso_millis(redeliver.issued_until_ms),
    }
}

fn replay_view(replay: &Replay) -> ReplayView {
    ReplayView {
        subscription_id: replay.subscription_id.clone(),
        since: iso_millis(replay.from_ms),
        until: iso_millis(replay.until_ms),
        all: replay.all,
    }
}

const fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Running => "RUNNING",
        TaskState::Done => "DONE",
        TaskState::Cancelled => "CANCELLED",
        TaskState::Failed | TaskState::Unspecified => "FAILED",
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
