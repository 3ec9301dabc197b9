//! Whether a line says what follows from the answer under the policy of the state that the request was sent by; told a
//! second time, sharing no code with the product.

use aerogram_domain::policy::{Answer, Policy, Success};
use aerogram_wire::v1::{Attempt, Line, LineKind, Outcome, Reason};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A request that was made.
pub struct Made {
    pub policy: Arc<Policy>,
    pub version: u64,
    pub answer: Answer,
    /// Of a test event.
    pub once: bool,
}

pub fn is_accepted(policy: &Policy, status: u16) -> bool {
    match &policy.success {
        Success::Any2xx => status / 100 == 2,
        Success::Statuses(accepted) => accepted.contains(&status),
    }
}

/// What is wrong with a line; `first_ms` is when the run was tried first.
pub fn misjudged(line: &Line, attempt: &Attempt, first_ms: i64, made: &Made) -> Option<&'static str> {
    let policy = &made.policy;
    let (status, asked_ms) = match made.answer {
        Answer::Status { status, retry_after_ms } => {
            let honoured = matches!(status, 429 | 503).then_some(policy.retry_after_cap_ms).flatten();
            (status, honoured.map_or(0, |cap_ms| retry_after_ms.unwrap_or(0).min(cap_ms)))
        }
        Answer::Failed(_) => (0, 0),
    };
    let ours = matches!(made.answer, Answer::Failed(Outcome::PlatformError));
    if u32::from(status) != attempt.status || ours != (attempt.outcome() == Outcome::PlatformError) {
        return Some("tells of another answer");
    }
    let accepted = status != 0 && is_accepted(policy, status);
    let gone = policy.gone_deactivates && status == 410;
    let end_ms = attempt.started_at_ms + i64::from(attempt.duration_ms);
    let delay_ms = policy.delays_ms.get(attempt.number as usize - 1).copied();
    let counts = line.attempts_made == attempt.number;
    if accepted != (line.kind() == LineKind::Delivered) {
        return Some("takes a failure for a success, or the other way round");
    }
    let right = match (line.kind(), line.reason()) {
        (LineKind::Expired, _) => made.once,
        (kind, _) if made.once => kind == LineKind::Delivered,
        (LineKind::Delivered, _) => counts,
        (LineKind::Escalated, Reason::Gone) => gone && counts,
        (LineKind::Escalated, Reason::Platform) => {
            ours && end_ms - first_ms > policy.delays_ms.iter().sum::<i64>() + DAY_MS
        }
        (LineKind::Escalated, Reason::Exhausted) => !ours && !gone && delay_ms.is_none() && counts,
        (LineKind::Failed, _) => !ours && !gone && delay_ms == Some(0) && asked_ms == 0 && counts,
        (LineKind::Retry, _) if ours => !counts && line.due_at_ms == end_ms + MINUTE_MS,
        (LineKind::Retry, _) => delay_ms.is_some_and(|delay_ms| {
            let latest_ms = delay_ms + delay_ms * i64::from(policy.jitter_percent) / 100;
            let waits_ms = line.due_at_ms - end_ms;
            let in_bounds = delay_ms.max(asked_ms) <= waits_ms && waits_ms <= latest_ms.max(asked_ms);
            !gone && counts && waits_ms > 0 && in_bounds
        }),
        _ => false,
    };
    (!right).then_some("is not what its policy says")
}
