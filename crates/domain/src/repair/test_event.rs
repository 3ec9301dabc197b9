//! Test events: a sample of the catalogue, sent once, so that people see what their receiver does with it.

use crate::catalogue::EventType;
use aerogram_wire::SCHEMA;
use aerogram_wire::key::{DeliveryId, PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, Event, PendingEntry, PendingKind, Position, Subscription};
use bytes::Bytes;
use serde_json::Value;

/// An example of the type as its publishers send it, addressed to the subscription. `id` stands after `test-`, by which receivers
/// know it.
pub fn test_event(event_type: &EventType, subscription: &Subscription, id: &str, now_ms: i64) -> Event {
    let example = event_type.example_event();
    let text = |name: &str| example.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = format!("test-{id}");
    let subject = Some(text("subject")).filter(|subject| !subject.is_empty()).unwrap_or_else(|| id.clone());
    let contract = Some(&subscription.contract).filter(|contract| !contract.is_empty()).cloned();
    let data = example.get("data").map(Value::to_string).unwrap_or_default();
    Event {
        schema: SCHEMA,
        id,
        source: text("source"),
        r#type: event_type.wire_name.to_string(),
        operator: subscription.scope.as_ref().map(|scope| scope.operator.clone()).unwrap_or_default(),
        contract: contract.unwrap_or_else(|| text("contract")),
        environment: subscription.environment.clone(),
        subject,
        time_ms: now_ms,
        data: data.into(),
    }
}

/// What is to be written to `pending` for it. It stands in no `events`.
pub fn test_delivery(
    delivery_id: DeliveryId,
    event: Event,
    subscription: &Subscription,
    subscription_offset: i64,
    now_ms: i64,
) -> (PendingKey, PendingEntry) {
    let delivery = Delivery {
        schema: SCHEMA,
        delivery_id: Bytes::copy_from_slice(&delivery_id),
        subscription_id: subscription.id.clone(),
        subscription_offset,
        scope: subscription.scope.clone(),
        event: Some(event),
        event_position: Some(Position { partition: -1, offset: -1 }),
        event_appended_at_ms: now_ms,
        accepted_at_ms: now_ms,
        issued_at_ms: now_ms,
        due_at_ms: now_ms,
        once: true,
        ..Delivery::default()
    };
    let key = PendingKey { run: RunKey { delivery_id, run: 0 }, seq: 0 };
    let entry = PendingEntry {
        schema: SCHEMA,
        kind: PendingKind::Retry.into(),
        due_at_ms: now_ms,
        delivery: Some(delivery),
        window_max: 0,
    };
    (key, entry)
}
