//! Escalations as the deliverer would have written them.

use aerogram_testkit::Rig;
use aerogram_wire::key::RunKey;
use aerogram_wire::partitioner::partition_of;
use aerogram_wire::v1::{Attempt, Delivery, Escalation, Event, Outcome, Reason, Scope};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::time::Duration;

/// A delivery to a subscription of this application and acme that was given up at `at_ms`.
pub fn escalation(number: u8, partner: &str, subscription_id: &str, at_ms: i64) -> (RunKey, Escalation) {
    let key = RunKey { delivery_id: [number; 16], run: 0 };
    let attempt = |number: u32, status: u32, outcome: Outcome, excerpt: &str| Attempt {
        number,
        started_at_ms: at_ms - 1_000,
        duration_ms: 20,
        status,
        outcome: outcome.into(),
        excerpt: excerpt.into(),
        ..Attempt::default()
    };
    let event = Event {
        schema: 1,
        id: format!("e-{number}"),
        source: "ops".into(),
        r#type: "FLIGHT_CREATE".into(),
        operator: "acme".into(),
        environment: "production".into(),
        subject: "AB1".into(),
        data: br#"{"n":1.10}"#.to_vec().into(),
        ..Event::default()
    };
    let record = Escalation {
        schema: SCHEMA,
        delivery: Some(Delivery {
            schema: SCHEMA,
            delivery_id: key.delivery_id.to_vec().into(),
            seq: 3,
            attempts_made: 2,
            subscription_id: subscription_id.to_owned(),
            scope: Some(Scope { partner: partner.to_owned(), operator: "acme".into() }),
            event: Some(event),
            accepted_at_ms: at_ms - 5_000,
            from_pending: true,
            ..Delivery::default()
        }),
        reason: Reason::Exhausted.into(),
        attempts: vec![attempt(1, 500, Outcome::Http5xx, "oh no"), attempt(2, 0, Outcome::Timeout, "")],
        escalated_at_ms: at_ms,
        callback_url: "https://receiver.example/hook".into(),
        policy: "standard".into(),
        resolution: None,
    };
    (key, record)
}

/// Writes records to the partition of the subscription.
pub async fn write(rig: &Rig, partitions: i32, subscription_id: &str, records: &[(RunKey, Escalation)]) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", rig.brokers()).create().unwrap();
    let topic = rig.topic(Topic::Escalations.name());
    let partition = partition_of(subscription_id.as_bytes(), partitions);
    for (key, record) in records {
        let (key, payload) = (key.encode(), record.encode_to_vec());
        let record = FutureRecord::to(&topic).partition(partition).key(key.as_ref()).payload(&payload);
        producer.send(record, Duration::from_secs(20)).await.map_err(|(error, _)| error).unwrap();
    }
}
