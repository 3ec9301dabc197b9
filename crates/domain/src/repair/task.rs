//! How work on many deliveries goes on. The last record of a task counts, except that one that is over stays so: who carries it
//! out may not know yet that people do not want it any more.

use aerogram_wire::v1::{Task, TaskProgress, TaskState};

/// Whether nothing more will be done.
pub fn is_over(task: &Task) -> bool {
    !matches!(task.state(), TaskState::Running)
}

/// What is known after one more record was read.
pub fn fold(known: Option<Task>, told: Task) -> Task {
    let Some(known) = known else { return told };
    if !is_over(&known) {
        return told;
    }
    // How far it came is worth knowing also of one that was cancelled meanwhile.
    let further = seen(&told) > seen(&known);
    Task { progress: if further { told.progress } else { known.progress.clone() }, ..known }
}

fn seen(task: &Task) -> u64 {
    task.progress.as_ref().map_or(0, |progress| progress.seen)
}

/// It goes on: so far.
pub fn went_on(task: &Task, progress: TaskProgress, now_ms: i64) -> Task {
    Task { progress: Some(progress), updated_at_ms: now_ms, ..task.clone() }
}

/// Everything is done.
pub fn done(task: &Task, now_ms: i64) -> Task {
    ended(task, TaskState::Done, String::new(), now_ms)
}

/// It can't go on.
pub fn failed(task: &Task, why: String, now_ms: i64) -> Task {
    ended(task, TaskState::Failed, why, now_ms)
}

/// People do not want it any more; `None`: it is over already.
pub fn cancelled(task: &Task, actor: &str, now_ms: i64) -> Option<Task> {
    (!is_over(task)).then(|| ended(task, TaskState::Cancelled, format!("cancelled by {actor}"), now_ms))
}

fn ended(task: &Task, state: TaskState, detail: String, now_ms: i64) -> Task {
    Task { state: state.into(), detail, updated_at_ms: now_ms, ..task.clone() }
}

/// How many more may be sent, when so many of the task wait and a page has so many.
pub fn room(waiting: u64, waiting_max: u64, page_max: usize) -> usize {
    usize::try_from(waiting_max.saturating_sub(waiting)).unwrap_or(usize::MAX).min(page_max)
}
