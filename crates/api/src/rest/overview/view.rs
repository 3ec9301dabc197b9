//! How people see how a subscription does.

use aerogram_domain::escalations::{outcome_name, run_name};
use aerogram_domain::history::{Failure, HOUR_MS, Hour, Success};
use aerogram_domain::schema::AttemptOutcome;
use aerogram_domain::time::iso_millis;
use aerogram_projection::{Overview, Waiting};
use serde::Serialize;
use utoipa::ToSchema;

use super::receiver::Receiver;

/// How a subscription does.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionOverview, examples(json!({
    "hours": [{
        "since": "2026-11-21T10:00:00.000Z",
        "delivered": 120,
        "failedAttempts": 3,
        "escalated": 0,
        "answerMsMedian": 42,
        "answerMsP95": 180,
    }],
    "waiting": {"pending": 0, "retrying": 2, "parked": 0, "escalatedOpen": 1},
    "ended24h": {"delivered": 2100, "escalated": 1, "other": 0},
    "nextAttemptAtDateTime": "2026-11-21T10:30:06.120Z",
    "lastSuccess": {"id": "msg_4c1fd5a1b4c8d9dd3c1b7f26a09b1e52", "atDateTime": "2026-11-21T10:29:58.000Z"},
    "lastFailure": {
        "id": "msg_9a1fd5a1b4c8d9dd3c1b7f26a09b1e52",
        "atDateTime": "2026-11-21T10:29:01.250Z",
        "outcome": "http_5xx",
        "status": 503,
        "excerpt": "no room",
    },
    "receiver": {
        "state": "well",
        "failingSince": null,
        "nextProbeAtDateTime": null,
        "becomesInactiveAtDateTime": null,
    },
    "countsAreAtLeast": false,
})))]
pub struct View {
    /// The last 24 whole hours in UTC, the oldest first; the last one is under way.
    hours: Vec<HourView>,
    waiting: WaitingView,
    ended_24h: EndedView,
    /// The earliest that is known of; may be past while it is under way. `null`: none is known.
    #[schema(format = DateTime, required)]
    next_attempt_at_date_time: Option<String>,
    /// The last attempt that succeeded, when it began; `null`: none is known.
    #[schema(required)]
    last_success: Option<SuccessView>,
    /// The last attempt that did not; `null`: none is known.
    #[schema(required)]
    last_failure: Option<FailureView>,
    receiver: Receiver,
    /// Of some there may be more: of what waits more than 10,000 are not counted, and history may not reach back that far.
    counts_are_at_least: bool,
}

/// What happened in an hour.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewHour)]
struct HourView {
    /// When it begins.
    #[schema(format = DateTime)]
    since: String,
    /// Deliveries that ended so then.
    delivered: u64,
    /// Attempts of then.
    failed_attempts: u64,
    escalated: u64,
    /// How long attempts took that were answered, to about 3 %; `null`: none was.
    #[schema(required)]
    answer_ms_median: Option<u32>,
    /// 95 of a hundred took no longer.
    #[schema(required)]
    answer_ms_p95: Option<u32>,
}

/// What has not ended, and what was given up and nobody has dealt with. Each is counted up to 10,000.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewWaiting)]
struct WaitingView {
    pending: u64,
    retrying: u64,
    parked: u64,
    escalated_open: u64,
}

/// Deliveries that ended in those hours; `other`: cancelled, superseded or expired.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = OverviewEnded)]
struct EndedView {
    delivered: u64,
    escalated: u64,
    other: u64,
}

/// An attempt that succeeded.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewSuccess)]
struct SuccessView {
    /// Of the delivery.
    id: String,
    #[schema(format = DateTime)]
    at_date_time: String,
}

/// An attempt that did not succeed.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = OverviewFailure)]
struct FailureView {
    /// Of the delivery.
    id: String,
    #[schema(format = DateTime)]
    at_date_time: String,
    #[schema(value_type = AttemptOutcome)]
    outcome: &'static str,
    /// `null`: none was received.
    #[schema(required)]
    status: Option<u32>,
    /// The beginning of what the receiver answered; `null`: nothing, or it is not kept any more.
    #[schema(required)]
    excerpt: Option<String>,
}

impl View {
    /// `is_whole`: history has everything of these hours.
    pub fn of(found: &Overview, receiver: Receiver, is_whole: bool) -> Self {
        let mut all = Hour::default();
        found.hours.iter().for_each(|(_, hour)| all.add(hour));
        Self {
            hours: found.hours.iter().map(|(number, hour)| HourView::of(*number, hour)).collect(),
            waiting: WaitingView::of(&found.waiting),
            ended_24h: EndedView { delivered: all.delivered, escalated: all.escalated, other: all.other },
            next_attempt_at_date_time: found.next_attempt_at_ms.map(iso_millis),
            last_success: found.last_success.map(SuccessView::of),
            last_failure: found.last_failure.as_ref().map(FailureView::of),
            receiver,
            counts_are_at_least: found.waiting.is_at_least() || !is_whole,
        }
    }
}

impl HourView {
    fn of(number: i64, hour: &Hour) -> Self {
        Self {
            since: iso_millis(number.saturating_mul(HOUR_MS)),
            delivered: hour.delivered,
            failed_attempts: hour.failed_attempts,
            escalated: hour.escalated,
            answer_ms_median: hour.answers.percentile(50),
            answer_ms_p95: hour.answers.percentile(95),
        }
    }
}

impl WaitingView {
    fn of(waiting: &Waiting) -> Self {
        let Waiting { pending, retrying, parked, escalated_open } = waiting;
        Self {
            pending: pending.rows,
            retrying: retrying.rows,
            parked: parked.rows,
            escalated_open: escalated_open.rows,
        }
    }
}

impl SuccessView {
    fn of(success: Success) -> Self {
        Self { id: run_name(success.key), at_date_time: iso_millis(success.at_ms) }
    }
}

impl FailureView {
    fn of((failure, excerpt): &(Failure, String)) -> Self {
        Self {
            id: run_name(failure.key),
            at_date_time: iso_millis(failure.at_ms),
            outcome: outcome_name(failure.outcome),
            status: (failure.status != 0).then_some(failure.status),
            excerpt: (!excerpt.is_empty()).then(|| excerpt.clone()),
        }
    }
}
