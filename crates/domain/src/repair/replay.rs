//! Which events of `events` are replayed to a subscription, and what is sent then.

use super::{TaskId, run_by_task};
use crate::identity::{EventIdentity, Position};
use crate::matching::{Nearness, near};
use aerogram_wire::SCHEMA;
use aerogram_wire::key::{DeliveryId, RunKey};
use aerogram_wire::v1::{Delivery, Envelope, Subscription};
use bytes::Bytes;

/// An event as it stands in `events`.
#[derive(Clone, Debug)]
pub struct Found {
    pub position: Position,
    pub appended_at_ms: i64,
    pub envelope: Envelope,
    /// Of the record; empty: none.
    pub traceparent: String,
}

impl Found {
    /// The delivery of this event to a subscription: the same that matching gave it, so that receivers see a repetition.
    /// `None`: it holds no event.
    pub fn delivery_id(&self, subscription_id: &str) -> Option<DeliveryId> {
        let event = self.envelope.event.as_ref()?;
        let identity = EventIdentity { scope: &self.envelope.scope, source: &event.source, id: &event.id };
        Some(identity.deliveries(self.position).of(subscription_id))
    }

    /// The delivery of this event to a subscription, before any run of it. `subscription_offset`: the last record of
    /// `subscriptions` of that partition that was read; -1: none.
    pub fn delivery(&self, subscription: &Subscription, subscription_offset: i64) -> Option<Delivery> {
        let id = self.delivery_id(&subscription.id)?;
        Some(Delivery {
            schema: SCHEMA,
            delivery_id: Bytes::copy_from_slice(&id),
            subscription_id: subscription.id.clone(),
            subscription_offset,
            scope: subscription.scope.clone(),
            event: self.envelope.event.clone(),
            event_position: Some(self.position.into()),
            event_appended_at_ms: self.appended_at_ms,
            accepted_at_ms: self.envelope.accepted_at_ms,
            traceparent: self.traceparent.clone(),
            ..Delivery::default()
        })
    }
}

/// Whether a replay of this time, `until_ms` exclusive, is about the event: accepted then, and for the subscription as it is now.
/// That it repeats another event, or was delivered before, is not known here.
pub fn is_wanted(
    subscription: &Subscription,
    found: &Found,
    from_ms: i64,
    until_ms: i64,
    now_ms: i64,
) -> bool {
    let then = (from_ms..until_ms).contains(&found.envelope.accepted_at_ms);
    let event = found.envelope.event.as_ref().filter(|_| then);
    event.is_some_and(|event| near(subscription, event, now_ms) == Nearness::Matches)
}

/// The run by which a task replays a delivery.
pub fn replayed(task: &TaskId, delivery_id: DeliveryId) -> RunKey {
    RunKey { delivery_id, run: run_by_task(task, RunKey { delivery_id, run: 0 }) }
}
