//! Events in the forms in which publishers write them.

use aerogram_testkit::{Record, UpstreamEvent};
use aerogram_wire::Message as _;
use aerogram_wire::v1;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// An event of acme about one of 50 flights.
pub fn event(id: &str, kind: &str) -> UpstreamEvent {
    let number: usize = id.bytes().map(usize::from).sum();
    UpstreamEvent::new(id, kind, "acme", &format!("flight-{}", number % 50), json!({"of": id}))
}

/// `count` events named `{name}-0`, `{name}-1`, …
pub fn events(name: &str, kind: &str, count: usize) -> Vec<UpstreamEvent> {
    (0..count).map(|n| event(&format!("{name}-{n}"), kind)).collect()
}

pub fn structured(events: &[UpstreamEvent]) -> Vec<Record> {
    events.iter().map(UpstreamEvent::structured).collect()
}

/// The record of an `aerogram.v1.Event`.
pub fn protobuf(event: &UpstreamEvent) -> Result<Record> {
    let time: jiff::Timestamp = event.time.parse().with_context(|| format!("time {}", event.time))?;
    let message = v1::Event {
        id: event.id.clone(),
        source: event.source.clone(),
        r#type: event.kind.clone(),
        operator: event.operator.clone(),
        contract: event.contract.clone().unwrap_or_default(),
        environment: event.environment.clone().unwrap_or_default(),
        subject: event.subject.clone(),
        time_ms: time.as_millisecond(),
        data: event.data.to_string().into_bytes().into(),
        ..v1::Event::default()
    };
    Ok(Record::protobuf(&event.subject, message.encode_to_vec()))
}

/// An array of CloudEvents, as `POST /v1/events` takes it.
pub fn batch(events: &[UpstreamEvent]) -> Value {
    events.iter().map(UpstreamEvent::cloud_event).collect()
}
