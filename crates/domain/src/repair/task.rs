//! How work on many deliveries goes on. The last record of a task counts, except that one that is over stays so: who carries it
//! out may not know yet that people do not want it any more. What it is about is what its first record says, and it never goes
//! back.

use aerogram_wire::v1::{Task, TaskProgress, TaskState};

/// Whether nothing more will be done.
pub fn is_over(task: &Task) -> bool {
    !matches!(task.state(), TaskState::Running)
}

/// What is known after one more record was read.
pub fn fold(known: Option<Task>, told: Task) -> Task {
    let Some(known) = known else { return told };
    // How far it came is worth knowing also of one that was cancelled meanwhile.
    let progress =
        if how_far(&told) >= how_far(&known) { told.progress.clone() } else { known.progress.clone() };
    if is_over(&known) || (!is_over(&told) && progress != told.progress) {
        return Task { progress, ..known };
    }
    // Of two calls with one key both may have made it. Runs follow from when it was made, so that stays.
    let Task { scope, actor, created_at_ms, work, .. } = known;
    Task { scope, actor, created_at_ms, work, progress, ..told }
}

/// Of two records of a task the one that says more came further. Partitions are not read one after the other, for one that waits for
/// fanout keeps no other back; but who carries it out writes one record after the other, and in none of them does a partition go
/// back. So of two of one owner the later one is no less in any of them, and compares so. A former owner does what the next one
/// does, as long as it does not know better; whichever of them counts, what is done twice makes the same runs.
fn how_far(task: &Task) -> Option<(u64, &[i64])> {
    task.progress.as_ref().map(|progress| (progress.seen, progress.next_offsets.as_slice()))
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
