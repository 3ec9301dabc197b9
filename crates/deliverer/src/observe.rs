//! What the metrics are told.

use aerogram_domain::deliverer::Shared;
use aerogram_domain::escalations::{outcome_name, reason_name};
use aerogram_domain::limits::Lease;
use aerogram_telemetry::names;
use aerogram_wire::v1::{LineKind, Outcome, Reason};
use metrics::{counter, gauge, histogram};
use std::convert::Infallible;
use std::time::Duration;

/// How often it is told how many bytes the process holds.
const HELD_INTERVAL: Duration = Duration::from_millis(200);

/// One request ended.
pub fn attempt(outcome: Outcome, attempt: u32, duration_ms: u32) {
    let kind = if attempt == 1 { "first" } else { "retry" };
    counter!(names::DELIVERY_ATTEMPTS_TOTAL, "outcome" => outcome_name(outcome), "kind" => kind).increment(1);
    histogram!(names::DELIVERY_ATTEMPT_DURATION_SECONDS).record(f64::from(duration_ms) / 1000.0);
}

/// A record is settled.
pub fn settled(kind: LineKind, accepted_at_ms: i64) {
    let result = match kind {
        LineKind::Delivered => "delivered",
        LineKind::Escalated => "escalated",
        LineKind::Cancelled => "cancelled",
        LineKind::Superseded => "superseded",
        LineKind::Expired => "expired",
        LineKind::Retry => "retry",
        LineKind::Parked => "parked",
        LineKind::Failed | LineKind::Unspecified => return,
    };
    counter!(names::DELIVERIES_TOTAL, "result" => result).increment(1);
    if kind == LineKind::Delivered && accepted_at_ms > 0 {
        let age_ms = (aerogram_telemetry::wall_ms() - accepted_at_ms).max(0);
        histogram!(names::END_TO_END_SECONDS).record(age_ms as f64 / 1000.0);
    }
}

/// Given up, for people.
pub fn escalated(reason: Reason) {
    counter!(names::ESCALATIONS_TOTAL, "reason" => reason_name(reason)).increment(1);
}

/// A limit began to hold a subscription back.
pub fn limited(kind: &'static str) {
    counter!(names::LIMITED_TOTAL, "kind" => kind).increment(1);
}

/// Tokens were asked for.
pub fn leased(lease: Option<Lease>) {
    let result = match lease {
        Some(Lease { granted: 0, .. }) => "none",
        Some(_) => "granted",
        None => "failed",
    };
    counter!(names::LEASES_TOTAL, "result" => result).increment(1);
}

/// Tells again and again what the partitions of the process hold.
pub async fn held_bytes(shared: &Shared) -> Infallible {
    loop {
        let of = [("deliveries", &shared.item_bytes), ("settled", &shared.memory_bytes)];
        for (kind, budget) in of {
            gauge!(names::HELD_BYTES, "kind" => kind).set(budget.used_bytes() as f64);
            gauge!(names::HELD_BYTES_MAX, "kind" => kind).set(budget.most_bytes() as f64);
        }
        tokio::time::sleep(HELD_INTERVAL).await;
    }
}

/// Counts a request while it is open, also when it is abandoned.
pub struct OpenRequest;

impl OpenRequest {
    pub fn count() -> Self {
        gauge!(names::REQUESTS_IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        gauge!(names::REQUESTS_IN_FLIGHT).decrement(1.0);
    }
}
