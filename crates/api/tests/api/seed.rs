//! States as a former owner would have written them.

use aerogram_wire::v1::{Scope, Sealed, Status, Subscription, SubscriptionRecord};
use aerogram_wire::{Message as _, SCHEMA, Topic};

use crate::raw::Written;

/// A record of `subscriptions`: an active subscription of this application and acme. The callback URL ends in the version.
pub fn record(id: &str, partner: &str, version: u64, expires_at_ms: i64) -> Written {
    changed_record(id, partner, version, expires_at_ms, |_| ())
}

/// The same with a change.
pub fn changed_record(
    id: &str,
    partner: &str,
    version: u64,
    expires_at_ms: i64,
    change: impl FnOnce(&mut Subscription),
) -> Written {
    let mut subscription = Subscription {
        id: id.into(),
        version,
        scope: Some(Scope { partner: partner.into(), operator: "acme".into() }),
        profile: "flight".into(),
        event_type: "FLIGHT_CREATE".into(),
        callback_url: format!("https://receiver.example/{version}"),
        status: Status::Active.into(),
        environment: "production".into(),
        created_at_ms: 1_000,
        updated_at_ms: 1_000,
        expires_at_ms,
        signing_key: Some(Sealed { key_id: "k1".into(), ..Sealed::default() }),
        ..Subscription::default()
    };
    change(&mut subscription);
    let payload = SubscriptionRecord { schema: SCHEMA, subscription: Some(subscription) }.encode_to_vec();
    Written { topic: Topic::Subscriptions, key: id.to_owned(), payload }
}
