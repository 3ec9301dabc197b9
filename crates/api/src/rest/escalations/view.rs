//! How people see an escalation.

use aerogram_domain::body::webhook_id;
use aerogram_domain::catalogue::Environment;
use aerogram_domain::escalations::{Fault, Reader, State, outcome_name, problem_for, reason_name, run_name};
use aerogram_domain::schema::{AttemptOutcome, EscalationReason};
use aerogram_domain::time::iso_millis;
use aerogram_projection::Row;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Escalation, Event, Resolution, ResolutionKind};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// As a list has it.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Escalation)]
pub struct Summary {
    id: String,
    /// As receivers know it; the same for all runs of the delivery.
    webhook_id: String,
    #[schema(format = DateTime)]
    escalated_at: String,
    #[schema(value_type = State)]
    state: &'static str,
    #[schema(value_type = EscalationReason)]
    reason: &'static str,
    #[schema(value_type = Fault)]
    fault: &'static str,
    partner: String,
    operator: String,
    subscription_id: String,
    event_type: String,
    event_id: String,
    subject: String,
    #[schema(value_type = Environment)]
    environment: String,
    attempts_made: u32,
    /// `null`: no attempt was made.
    #[schema(value_type = Option<AttemptOutcome>, required)]
    last_outcome: Option<&'static str>,
    /// `null`: no status was received.
    #[schema(required)]
    last_status: Option<u32>,
    #[schema(required)]
    resolution: Option<ResolutionView>,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Resolution)]
struct ResolutionView {
    #[schema(value_type = State)]
    kind: &'static str,
    by: String,
    #[schema(format = DateTime)]
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    why: Option<String>,
    /// How the new run would be named, should it be given up as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    redelivered_as: Option<String>,
}

/// With everything that is known.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = EscalationDetail)]
pub struct Detail {
    #[serde(flatten)]
    summary: Summary,
    /// Where it was sent at last.
    callback_url: String,
    policy: String,
    #[schema(format = DateTime, required)]
    accepted_at: Option<String>,
    event: EventView,
    /// Oldest first; after very many some in the middle are left out.
    attempts: Vec<AttemptView>,
}

/// The event as it was accepted.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Event)]
pub struct EventView {
    id: String,
    source: String,
    r#type: String,
    #[schema(format = DateTime)]
    time: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contract: Option<String>,
    #[schema(value_type = Environment)]
    environment: String,
    /// `null`: the caller is not entitled to events of this type.
    #[schema(value_type = Option<serde_json::Value>, required)]
    data: Option<Box<RawValue>>,
}

/// One try, and what of it may be told.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Attempt)]
pub struct AttemptView {
    number: u32,
    #[schema(format = DateTime)]
    started_at: String,
    duration_ms: u32,
    #[schema(value_type = AttemptOutcome)]
    outcome: &'static str,
    #[schema(required)]
    status: Option<u32>,
    #[schema(required)]
    problem: Option<String>,
    #[schema(required)]
    tls_problem: Option<String>,
    #[schema(required)]
    excerpt: Option<String>,
}

impl Summary {
    pub fn of(row: &Row) -> Self {
        Self {
            id: run_name(row.key),
            webhook_id: webhook_id(&row.key.delivery_id),
            escalated_at: iso_millis(row.escalated_at_ms),
            state: row.state().name(),
            reason: reason_name(row.reason),
            fault: row.fault().name(),
            partner: row.partner.clone(),
            operator: row.operator.clone(),
            subscription_id: row.subscription_id.clone(),
            event_type: row.event_type.clone(),
            event_id: row.event_id.clone(),
            subject: row.subject.clone(),
            environment: row.environment.clone(),
            attempts_made: row.attempts,
            last_outcome: row.last_outcome.map(outcome_name),
            last_status: (row.last_status != 0).then_some(row.last_status),
            resolution: row.resolution.as_ref().map(|resolution| ResolutionView::of(row.key, resolution)),
        }
    }
}

impl ResolutionView {
    fn of(key: RunKey, resolution: &Resolution) -> Self {
        let dismissed = resolution.kind() == ResolutionKind::Dismissed;
        Self {
            kind: State::of(Some(resolution)).name(),
            by: resolution.actor.clone(),
            at: iso_millis(resolution.at_ms),
            why: some(&resolution.why),
            redelivered_as: (!dismissed).then(|| run_name(RunKey { run: resolution.run, ..key })),
        }
    }
}

impl Detail {
    pub fn of(row: &Row, original: Escalation, reader: Reader) -> Self {
        let delivery = original.delivery.unwrap_or_default();
        let accepted_at_ms = delivery.accepted_at_ms;
        Self {
            summary: Summary::of(row),
            callback_url: original.callback_url,
            policy: original.policy,
            accepted_at: (accepted_at_ms > 0).then(|| iso_millis(accepted_at_ms)),
            event: EventView::of(delivery.event.unwrap_or_default()),
            attempts: original.attempts.iter().map(|attempt| AttemptView::of(attempt, reader)).collect(),
        }
    }
}

impl EventView {
    pub fn of(event: Event) -> Self {
        let data = String::from_utf8(event.data.to_vec()).ok();
        Self {
            id: event.id,
            source: event.source,
            r#type: event.r#type,
            time: iso_millis(event.time_ms),
            subject: event.subject,
            contract: some(&event.contract),
            environment: event.environment,
            data: data.and_then(|data| RawValue::from_string(data).ok()),
        }
    }
}

impl AttemptView {
    pub fn of(attempt: &Attempt, reader: Reader) -> Self {
        Self {
            number: attempt.number,
            started_at: iso_millis(attempt.started_at_ms),
            duration_ms: attempt.duration_ms,
            outcome: outcome_name(attempt.outcome()),
            status: (attempt.status != 0).then_some(attempt.status),
            problem: problem_for(attempt, reader).map(str::to_owned),
            tls_problem: some(&attempt.tls_problem),
            excerpt: some(&attempt.excerpt),
        }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
