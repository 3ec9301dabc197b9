//! How people see a task.

use aerogram_domain::escalations::Reader;
use aerogram_domain::schema::FinalStatus;
use aerogram_domain::time::iso_millis;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Redeliver, Replay, Task, TaskState};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Task)]
pub struct TaskView {
    #[schema(format = Uuid)]
    pub id: String,
    /// `RUNNING`, `DONE`, `CANCELLED` or `FAILED`.
    state: TaskStatus,
    /// What is to be sent again, of a redelivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    redelivery: Option<RedeliveryView>,
    /// What is to be sent again, of a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    replay: Option<ReplayView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operator: Option<String>,
    created_by: String,
    #[schema(format = DateTime)]
    created_at_date_time: String,
    #[schema(format = DateTime)]
    updated_at_date_time: String,
    progress: Progress,
    /// What a replay waits for that can do nothing else, where one task is shown: fanout, and how far that is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    /// Why it failed, or by whom it was cancelled.
    #[schema(required)]
    detail: Option<String>,
}

/// How a task stands.
#[derive(Clone, Copy, Serialize, ToSchema, Debug)]
#[serde(rename_all = "UPPERCASE")]
enum TaskStatus {
    Running,
    Done,
    Cancelled,
    Failed,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = TaskRedelivery)]
struct RedeliveryView {
    #[schema(value_type = Vec<FinalStatus>)]
    status: Vec<String>,
    #[schema(required)]
    subscription_id: Option<String>,
    #[schema(required)]
    event_type: Option<String>,
    #[schema(required)]
    subject: Option<String>,
    #[schema(format = DateTime, required)]
    since: Option<String>,
    #[schema(format = DateTime)]
    until: String,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = TaskReplay)]
struct ReplayView {
    subscription_id: String,
    #[schema(format = DateTime)]
    since: String,
    #[schema(format = DateTime)]
    until: String,
    all: bool,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = TaskProgress)]
struct Progress {
    /// Deliveries that match, so far.
    seen: u64,
    sent: u64,
    left_out: u64,
    /// Of those that were sent, so many have not ended yet; counted no further than the most that may wait, and one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<u64>,
}

impl TaskView {
    /// `waiting` where it was counted.
    pub fn of(task: &Task, reader: Reader, waiting: Option<u64>) -> Self {
        let progress = task.progress.clone().unwrap_or_default();
        let told = task.scope.as_ref().filter(|_| reader == Reader::Administrator);
        let (redelivery, replay) = match &task.work {
            Some(Work::Redeliver(wish)) => (Some(redelivery(wish)), None),
            Some(Work::Replay(wish)) => (None, Some(replay_view(wish))),
            None => (None, None),
        };
        Self {
            id: Uuid::from_slice(&task.id).unwrap_or_default().to_string(),
            state: task.state().into(),
            redelivery,
            replay,
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
            waits_for: None,
            detail: some(&task.detail),
        }
    }

    /// And what it waits for.
    pub fn waits_for(self, what: Option<String>) -> Self {
        Self { waits_for: what, ..self }
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

impl From<TaskState> for TaskStatus {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Running => Self::Running,
            TaskState::Done => Self::Done,
            TaskState::Cancelled => Self::Cancelled,
            TaskState::Failed | TaskState::Unspecified => Self::Failed,
        }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
