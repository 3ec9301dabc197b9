//! Which of the deliveries that match a filter are sent again, and how.

use super::{NoReceiver, TaskId, no_receiver, run_by_task};
use crate::escalations::State;
use crate::history::Status;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Subscription;

/// An escalation is listed at the latest so long after its run was given up, in milliseconds. What is not by then has left the
/// list.
const LISTED_WITHIN_MS: i64 = 600_000;

/// A run of a delivery, as history has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownRun {
    pub key: RunKey,
    /// When it was asked for, in milliseconds since 1970.
    pub issued_at_ms: i64,
    pub status: Status,
}

impl KnownRun {
    /// Runs of one delivery in the order in which they were asked for; by their number when that was at once.
    pub const fn order(&self) -> (i64, u64) {
        (self.issued_at_ms, self.key.run)
    }
}

/// One of the list.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub run: KnownRun,
    /// It is over, and may be sent again.
    pub ended: bool,
    /// Since when it stands so, in milliseconds since 1970.
    pub changed_at_ms: i64,
    /// Of one that was given up: how that stands. `None`: it was not, or is not listed among the escalations.
    pub escalation: Option<State>,
    /// What is known of the runs of its delivery, it being one of them.
    pub runs: &'a [KnownRun],
    /// As it is now.
    pub subscription: Option<&'a Subscription>,
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// It is sent as this run.
    Send(RunKey),
    /// It is redelivered as an escalation, which is dealt with by that.
    Escalation,
    /// Its escalation is not listed yet, so it can't be dealt with.
    NotYet,
    LeaveOut(LeftOut),
}

/// Why it is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// It is sent anyway, or waits to be; or another run of the delivery is.
    UnderWay,
    NoReceiver(NoReceiver),
    /// It was sent again already: what became of that has a run of its own in the list.
    Redelivered,
    /// Somebody said that nothing more shall be done about it.
    Dismissed,
}

/// Decides about one of the list of a task. Of the runs of a delivery only the latest is sent again, and none while one is under
/// way: a filter is about deliveries, and each of them is to arrive once more.
pub fn choose(task: &TaskId, candidate: Candidate<'_>, now_ms: i64) -> Choice {
    let Candidate { run: KnownRun { key, .. }, ended, escalation, subscription, .. } = candidate;
    if !ended {
        return Choice::LeaveOut(LeftOut::UnderWay);
    }
    if let Some(none) = no_receiver(subscription, now_ms) {
        return Choice::LeaveOut(LeftOut::NoReceiver(none));
    }
    // It was said that it is, which is finished whatever else was sent.
    if escalation == Some(State::Redelivering) {
        return Choice::Escalation;
    }
    let again = RunKey { run: run_by_task(task, key), ..key };
    // The task comes by it once more.
    if candidate.runs.iter().any(|run| run.key == again) {
        return Choice::Send(again);
    }
    let mut others = candidate.runs.iter().filter(|run| run.key != key);
    if others.clone().any(|run| !run.status.is_final()) {
        return Choice::LeaveOut(LeftOut::UnderWay);
    }
    if others.any(|run| run.order() > candidate.run.order()) {
        return Choice::LeaveOut(LeftOut::Redelivered);
    }
    match escalation {
        None if awaits_escalation(candidate.run.status, candidate.changed_at_ms, now_ms) => Choice::NotYet,
        None => Choice::Send(again),
        Some(State::Open | State::Redelivering) => Choice::Escalation,
        Some(State::Redelivered) => Choice::LeaveOut(LeftOut::Redelivered),
        Some(State::Dismissed) => Choice::LeaveOut(LeftOut::Dismissed),
    }
}

/// Whether a run that stands so since then, and is not among the escalations, may be listed there yet: the two are told of in
/// different topics. Sent by itself, it would be sent once more by its escalation.
pub fn awaits_escalation(status: Status, changed_at_ms: i64, now_ms: i64) -> bool {
    status == Status::Escalated && now_ms.saturating_sub(changed_at_ms) < LISTED_WITHIN_MS
}
