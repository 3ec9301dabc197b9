//! What REST answers about events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::deliveries::Step;
use crate::model::{Attempt, Delivery};

/// `GET /events`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Newest first. There may be none, and still a next page.
    pub events: Vec<Hit>,
    pub next: Option<String>,
    pub history_since_date_time: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    pub event_id: String,
    pub r#type: String,
    pub subject: String,
    pub accepted_at_date_time: Option<Timestamp>,
    /// It had been accepted before, and nothing was sent for this one.
    pub repeats: Option<IgnoredAny>,
    /// How many there are in each status.
    #[serde(default)]
    pub deliveries: BTreeMap<String, u64>,
    /// There are more of them.
    #[serde(default)]
    pub deliveries_are_at_least: bool,
}

/// `GET /events/{eventId}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stories {
    /// Oldest first.
    pub events: Vec<Event>,
    #[serde(default)]
    pub events_left_out: u64,
    #[serde(default)]
    pub deliveries_left_out: u64,
    /// For administrators.
    #[serde(default)]
    pub rejections: Vec<Rejection>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `None`: it is not known any more, or it was a test.
    pub source: Option<String>,
    pub r#type: String,
    pub subject: String,
    pub contract: Option<String>,
    pub environment: String,
    pub accepted_at_date_time: Option<Timestamp>,
    /// It had been accepted before, and nothing was sent for this one.
    pub repeats: Option<IgnoredAny>,
    pub deliveries: Vec<DeliveryStory>,
    pub near_misses: Vec<NearMiss>,
    #[serde(default)]
    pub near_misses_left_out: u64,
}

#[derive(Debug, Deserialize)]
pub struct DeliveryStory {
    #[serde(flatten)]
    pub delivery: Delivery,
    pub attempts: Vec<Attempt>,
    pub next: Option<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    pub subscription_id: String,
    pub name: Option<String>,
    pub reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
pub struct Reason {
    pub detail: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    pub reason: String,
    #[serde(default)]
    pub errors: Vec<String>,
    pub rejected_at_date_time: Timestamp,
    #[serde(default)]
    pub accepted_later: bool,
}

/// What `GET /deliveries/{id}` tells of its event, in the order in which it was written.
#[derive(Debug, Deserialize)]
pub struct OfDelivery {
    pub event: Option<Box<RawValue>>,
}
