//! How people see the story of an event.

use aerogram_domain::identity::Position;
use aerogram_domain::matching::Miss;
use aerogram_wire::v1::Origin;
use serde::Serialize;
use utoipa::ToSchema;

use crate::rest::deliveries::{Next, Summary};
use crate::rest::escalations::AttemptView;

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventStories)]
pub struct Story {
    /// The publisher's.
    pub event_id: String,
    /// What is older is not known any more.
    #[schema(format = DateTime)]
    pub history_since_date_time: String,
    /// Oldest first.
    pub events: Vec<EventStory>,
    /// Of those that were looked at.
    #[serde(skip_serializing_if = "is_zero")]
    pub events_left_out: u64,
    /// Of all events together.
    #[serde(skip_serializing_if = "is_zero")]
    pub deliveries_left_out: u64,
    /// For administrators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Rejection>,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct EventStory {
    /// `null`: the log does not hold the event any more, or it is a test of ours.
    #[schema(required)]
    pub source: Option<String>,
    pub r#type: String,
    pub subject: String,
    pub operator: String,
    #[schema(required)]
    pub contract: Option<String>,
    pub environment: String,
    #[schema(format = DateTime, required)]
    pub accepted_at_date_time: Option<String>,
    /// The event that had been accepted before; nothing was sent for this one.
    #[schema(required)]
    pub repeats: Option<PositionView>,
    /// Where it came from; for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub origin: Option<OriginView>,
    /// Oldest first.
    pub deliveries: Vec<DeliveryStory>,
    pub near_misses: Vec<NearMiss>,
    #[serde(skip_serializing_if = "is_zero")]
    pub near_misses_left_out: u64,
}

#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Position)]
pub struct PositionView {
    pub partition: i32,
    pub offset: i64,
}

#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Origin)]
pub struct OriginView {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

#[derive(Serialize, ToSchema, Debug)]
pub struct DeliveryStory {
    #[serde(flatten)]
    pub summary: Summary,
    pub attempts: Vec<AttemptView>,
    pub next: Next,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    pub subscription_id: String,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub partner: Option<String>,
    /// Never empty.
    pub reasons: Vec<MissView>,
}

#[derive(Serialize, ToSchema, Debug)]
#[schema(as = NearMissReason)]
pub struct MissView {
    reason: &'static str,
    detail: String,
}

#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// Where it stands in `rejected`: its name for whoever has it tried again.
    pub offset: i64,
    /// The publisher scope that it came by.
    pub scope: String,
    pub reason: String,
    /// What was wrong, a sentence a field; empty when the log does not hold it any more.
    pub errors: Vec<String>,
    #[schema(format = DateTime)]
    pub rejected_at_date_time: String,
    pub accepted_later: bool,
    #[schema(required)]
    pub origin: Option<OriginView>,
}

impl OriginView {
    pub fn of(origin: &Origin) -> Self {
        Self { topic: origin.topic.clone(), partition: origin.partition, offset: origin.offset }
    }
}

impl PositionView {
    pub fn of(Position { partition, offset }: Position) -> Self {
        Self { partition, offset }
    }
}

impl MissView {
    pub fn of(miss: &Miss) -> Self {
        Self { reason: miss.name(), detail: miss.to_string() }
    }
}

/// As `serde` asks for it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
