//! What the system does to a subscription because of how its receiver does.

use super::{Decision, changed, refuse};
use aerogram_wire::v1::{Deactivate, NoteHealth, Refusal, Status, Subscription};

/// Longer reasons of a deactivation are cut.
const STATUS_REASON_MAX_CHARS: usize = 500;

/// After 410, or after failing for too long: the latter only while it still does so since the time told, for a note that
/// it does well may have been taken in between.
pub(super) fn decide_deactivate(current: &Subscription, deactivate: &Deactivate, now_ms: i64) -> Decision {
    if current.status() == Status::Inactive {
        return Decision::Unchanged(current.clone());
    }
    let gave_up = deactivate.failing_since_ms != 0;
    if gave_up && current.failing_since_ms != deactivate.failing_since_ms {
        return refuse(Refusal::Conflict, "its receiver did well since");
    }
    let mut next = current.clone();
    next.set_status(Status::Inactive);
    next.status_reason = deactivate.reason.chars().take(STATUS_REASON_MAX_CHARS).collect();
    next.gave_up = gave_up;
    if !gave_up {
        next.failing_since_ms = 0;
    }
    changed(current, next, now_ms)
}

/// A note is no change that anybody's `If-Match` should stumble over.
pub(super) fn decide_note(current: &Subscription, note: &NoteHealth) -> Decision {
    let failing_since_ms = note.failing_since_ms.max(0);
    if current.failing_since_ms == failing_since_ms || current.status() != Status::Active {
        return Decision::Unchanged(current.clone());
    }
    Decision::Apply(Subscription { failing_since_ms, ..current.clone() })
}
