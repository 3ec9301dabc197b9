//! What REST answers about deliveries that were given up.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::Attempt;

/// `GET /escalations`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Escalations {
    pub escalations: Vec<Escalation>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Of all pages.
    pub total: Option<u64>,
    #[serde(default)]
    pub total_is_at_least: bool,
}

/// As a list has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Escalation {
    pub id: String,
    pub escalated_at: Timestamp,
    pub state: String,
    pub reason: String,
    pub fault: String,
    pub subscription_id: String,
    pub event_type: String,
    pub event_id: String,
    pub subject: String,
    pub attempts_made: u32,
    pub last_outcome: Option<String>,
    pub last_status: Option<u32>,
    pub resolution: Option<Resolution>,
}

/// What people made of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    pub by: String,
    pub at: Timestamp,
    pub why: Option<String>,
    /// The new run.
    pub redelivered_as: Option<String>,
}

/// What `GET /escalations/{id}` tells besides.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct More {
    pub callback_url: String,
    pub policy: String,
    /// As it stands in the answer, which keeps the order of its fields.
    pub event: Box<RawValue>,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}
