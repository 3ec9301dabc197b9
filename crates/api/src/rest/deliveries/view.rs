//! How people see a delivery.

use aerogram_domain::body::webhook_id;
use aerogram_domain::catalogue::Environment;
use aerogram_domain::escalations::{Reader, outcome_name, run_name};
use aerogram_domain::history::Status;
use aerogram_domain::schema::AttemptOutcome;
use aerogram_domain::time::iso_millis;
use aerogram_projection::DeliveryRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::next::Next;
use super::request::RequestView;
use crate::rest::escalations::{AttemptView, EventView};

/// As a list has it.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery, examples(json!({
    "id": "msg_4c1fd5a1b4c8d9dd3c1b7f26a09b1e52",
    "webhookId": "msg_4c1fd5a1b4c8d9dd3c1b7f26a09b1e52",
    "run": "live",
    "subscriptionId": "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f",
    "eventType": "FLIGHT_CREATE",
    "eventId": "FLIGHT_CREATE-0001",
    "subject": "AB1",
    "environment": "production",
    "status": "RETRYING",
    "issuedAtDateTime": "2026-11-21T10:30:00.000Z",
    "changedAtDateTime": "2026-11-21T10:30:01.250Z",
    "attemptsMade": 1,
    "lastOutcome": "http_5xx",
    "lastStatus": 503,
    "nextAttemptAtDateTime": "2026-11-21T10:30:06.120Z",
})))]
pub struct Summary {
    id: String,
    /// As receivers know it; the same for all runs of the delivery.
    webhook_id: String,
    /// How it came about: `live`, `redelivery` or `test`.
    run: RunKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operator: Option<String>,
    subscription_id: String,
    event_type: String,
    event_id: String,
    subject: String,
    #[schema(value_type = Environment)]
    environment: String,
    #[schema(value_type = Status)]
    status: &'static str,
    #[schema(format = DateTime)]
    issued_at_date_time: String,
    #[schema(format = DateTime)]
    changed_at_date_time: String,
    attempts_made: u32,
    /// `null`: no attempt was made.
    #[schema(value_type = Option<AttemptOutcome>, required)]
    last_outcome: Option<&'static str>,
    /// `null`: no status was received.
    #[schema(required)]
    last_status: Option<u32>,
    /// `null`: there is none, or it is not known when.
    #[schema(format = DateTime, required)]
    next_attempt_at_date_time: Option<String>,
}

/// With everything that is known.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryDetail)]
pub struct Detail {
    #[serde(flatten)]
    pub summary: Summary,
    /// Oldest first; after very many some in the middle are left out.
    pub attempts: Vec<AttemptView>,
    #[schema(required)]
    pub next: Option<Next>,
    /// As it is now; `null`: there is no such subscription any more.
    #[schema(required)]
    pub callback_url: Option<String>,
    /// As it was accepted; `null`: the log does not hold it any more, it could not be read at this moment, or it was a test.
    #[schema(required)]
    pub event: Option<EventView>,
    /// What goes with each attempt as the subscription is now; `null`: there is no such subscription any more.
    #[schema(required)]
    pub request: Option<RequestView>,
    /// The text of the request.
    #[schema(required)]
    pub body: Option<String>,
    /// `as_sent` or `by_todays_template`.
    #[schema(required)]
    pub body_is: Option<BodyKind>,
    /// Why there is no body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub body_missing: Option<&'static str>,
}

/// How it came about.
#[derive(Clone, Copy, Serialize, ToSchema, Debug)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    Live,
    Redelivery,
    Test,
}

/// `as_sent`: the last request. `by_todays_template`: the subscription has changed since.
#[derive(Clone, Copy, Serialize, ToSchema, Debug)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    AsSent,
    ByTodaysTemplate,
}

impl Summary {
    pub fn of(row: &DeliveryRow, reader: Reader) -> Self {
        let told = |text: &str| (reader == Reader::Administrator).then(|| text.to_owned());
        let (about, last) = (&row.about, row.attempts.last());
        Self {
            id: run_name(row.key),
            webhook_id: webhook_id(&row.key.delivery_id),
            run: match (about.once, row.key.run) {
                (true, _) => RunKind::Test,
                (false, 0) => RunKind::Live,
                (false, _) => RunKind::Redelivery,
            },
            partner: told(&about.partner),
            operator: told(&about.operator),
            subscription_id: about.subscription_id.clone(),
            event_type: about.event_type.clone(),
            event_id: about.event_id.clone(),
            subject: about.subject.clone(),
            environment: about.environment.clone(),
            status: row.status.name(),
            issued_at_date_time: iso_millis(about.issued_at_ms),
            changed_at_date_time: iso_millis(row.changed_at_ms),
            attempts_made: row.attempts_made,
            last_outcome: last.map(|last| outcome_name(last.outcome())),
            last_status: last.map(|last| last.status).filter(|status| *status != 0),
            next_attempt_at_date_time: row.due_at_ms.filter(|_| !row.status.is_final()).map(iso_millis),
        }
    }
}

/// What of the attempts may be told.
pub fn attempts(row: &DeliveryRow, reader: Reader) -> Vec<AttemptView> {
    row.attempts.iter().map(|attempt| AttemptView::of(attempt, reader)).collect()
}
