//! Which of the deliveries that match a filter are sent again, and how.

use super::{NoReceiver, TaskId, no_receiver, run_by_task};
use crate::escalations::State;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Subscription;

/// One of the list.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub key: RunKey,
    /// Its run is over.
    pub ended: bool,
    /// Of one that was given up: how that stands. `None`: it was not, or is not listed among the escalations any more.
    pub escalation: Option<State>,
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
    LeaveOut(LeftOut),
}

/// Why it is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// It is sent anyway, or waits to be.
    UnderWay,
    NoReceiver(NoReceiver),
    /// It was sent again already: what became of that has a run of its own in the list.
    Redelivered,
    /// Somebody said that nothing more shall be done about it.
    Dismissed,
}

/// Decides about one of the list of a task.
pub fn choose(task: &TaskId, candidate: Candidate<'_>, now_ms: i64) -> Choice {
    let Candidate { key, ended, escalation, subscription } = candidate;
    if !ended {
        return Choice::LeaveOut(LeftOut::UnderWay);
    }
    if let Some(none) = no_receiver(subscription, now_ms) {
        return Choice::LeaveOut(LeftOut::NoReceiver(none));
    }
    match escalation {
        None => Choice::Send(RunKey { run: run_by_task(task, key), ..key }),
        Some(State::Open | State::Redelivering) => Choice::Escalation,
        Some(State::Redelivered) => Choice::LeaveOut(LeftOut::Redelivered),
        Some(State::Dismissed) => Choice::LeaveOut(LeftOut::Dismissed),
    }
}
