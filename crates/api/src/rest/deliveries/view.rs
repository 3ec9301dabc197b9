//! How people see a delivery.

use aerogram_domain::body::webhook_id;
use aerogram_domain::escalations::{Reader, outcome_name, run_name};
use aerogram_domain::time::iso_millis;
use aerogram_projection::DeliveryRow;
use serde::Serialize;

use super::next::Next;
use crate::rest::escalations::{AttemptView, EventView};

/// As a list has it.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    id: String,
    /// As receivers know it; the same for all runs of the delivery.
    webhook_id: String,
    /// How it came about: `live`, `redelivery` or `test`.
    run: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    subscription_id: String,
    event_type: String,
    event_id: String,
    subject: String,
    environment: String,
    status: &'static str,
    issued_at_date_time: String,
    changed_at_date_time: String,
    attempts_made: u32,
    /// `null`: no attempt was made.
    last_outcome: Option<&'static str>,
    /// `null`: no status was received.
    last_status: Option<u32>,
    /// `null`: there is none, or it is not known when.
    next_attempt_at_date_time: Option<String>,
}

/// With everything that is known.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    pub summary: Summary,
    /// Oldest first; after very many some in the middle are left out.
    pub attempts: Vec<AttemptView>,
    pub next: Option<Next>,
    /// As it is now; `null`: there is no such subscription any more.
    pub callback_url: Option<String>,
    /// As it was accepted; `null`: the log does not hold it any more.
    pub event: Option<EventView>,
    /// The text of the request.
    pub body: Option<String>,
    /// `as_sent` or `by_todays_template`.
    pub body_is: Option<&'static str>,
    /// Why there is no body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_missing: Option<&'static str>,
}

impl Summary {
    pub fn of(row: &DeliveryRow, reader: Reader) -> Self {
        let told = |text: &str| (reader == Reader::Administrator).then(|| text.to_owned());
        let last = row.attempts.last();
        Self {
            id: run_name(row.key),
            webhook_id: webhook_id(&row.key.delivery_id),
            run: match (row.once, row.key.run) {
                (true, _) => "test",
                (false, 0) => "live",
                (false, _) => "redelivery",
            },
            partner: told(&row.partner),
            operator: told(&row.operator),
            subscription_id: row.subscription_id.clone(),
            event_type: row.event_type.clone(),
            event_id: row.event_id.clone(),
            subject: row.subject.clone(),
            environment: row.environment.clone(),
            status: row.status.name(),
            issued_at_date_time: iso_millis(row.issued_at_ms),
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
