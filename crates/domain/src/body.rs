//! What a receiver is sent: the default body `{id, type, timestamp, subscriptionId, data}` and the webhook id.

use crate::template::{BadData, EventData};
use aerogram_wire::v1::Event;
use serde::Serialize;
use serde_json::value::RawValue;

/// The event's data is not JSON: our own fault, because ingest accepts nothing else.
#[derive(Debug, thiserror::Error)]
#[error("the data of event {event_id} is not JSON: {source}; it should have been rejected at ingest")]
pub struct BodyError {
    event_id: String,
    source: serde_json::Error,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DefaultBody<'a> {
    /// As the publisher named the event; the same for every subscriber.
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    subscription_id: &'a str,
    data: &'a RawValue,
}

/// The default body. `data` goes out byte for byte as it came in.
pub fn default_body(event: &Event, subscription_id: &str) -> Result<Vec<u8>, BodyError> {
    let failed = |source| BodyError { event_id: event.id.clone(), source };
    let data: &RawValue = serde_json::from_slice(&event.data).map_err(failed)?;
    serde_json::to_vec(&DefaultBody {
        id: &event.id,
        event_type: &event.r#type,
        timestamp: crate::time::iso_millis(event.time_ms),
        subscription_id,
        data,
    })
    .map_err(failed)
}

/// What templates may name beside the fields of the event's data. These go before fields of the same names.
pub const ENVELOPE_FIELDS: [&str; 4] = ["eventId", "eventType", "timestamp", "subscriptionId"];

/// What a template reads of one event: its data, and [`ENVELOPE_FIELDS`].
///
/// # Errors
/// The data is no JSON object: our own fault, because ingest accepts nothing else.
pub fn event_data<'e>(event: &'e Event, subscription_id: &str) -> Result<EventData<'e>, BadData> {
    let [id, event_type, timestamp, subscription] = ENVELOPE_FIELDS;
    Ok(EventData::parse(&event.data)?
        .with_text(id, &event.id)
        .with_text(event_type, &event.r#type)
        .with_text(timestamp, &crate::time::iso_millis(event.time_ms))
        .with_text(subscription, subscription_id))
}

/// `webhook-id`: the same for all attempts, runs and replays of a delivery, so receivers can drop repeats.
pub fn webhook_id(delivery_id: &[u8]) -> String {
    let mut id = String::with_capacity(4 + 2 * delivery_id.len());
    id.push_str("msg_");
    for byte in delivery_id {
        for nibble in [byte >> 4, byte & 15] {
            id.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_body_is_as_documented() {
        let event = Event {
            id: "e-1".into(),
            r#type: "FLIGHT_CREATE".into(),
            time_ms: 1_705_314_600_000,
            data: bytes_of(r#"{"b":1,"a":[2]}"#),
            ..Event::default()
        };
        let body = default_body(&event, "sub-1").unwrap();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"id":"e-1","type":"FLIGHT_CREATE","timestamp":"2024-01-15T10:30:00.000Z","subscriptionId":"sub-1","data":{"b":1,"a":[2]}}"#
        );
    }

    #[test]
    fn templates_see_data_and_envelope() {
        use crate::template::{Fields, Limits, Source, Template};
        let event = Event {
            id: "e-1".into(),
            r#type: "OrderCreated".into(),
            time_ms: 1_705_314_600_000,
            data: bytes_of(r#"{"agwID":"A-1","eventId":"not this"}"#),
            ..Event::default()
        };
        let names: Vec<&str> = ENVELOPE_FIELDS.into_iter().chain(["agwID"]).collect();
        let body = r#"["{{eventId}}","{{eventType}}","{{timestamp}}","{{subscriptionId}}","{{agwID}}"]"#;
        let source = Source::Parts { header: None, json_body: Some(body) };
        let compiled = Template::compile(source, Fields::Only(&names), &Limits::default()).unwrap();
        let data = event_data(&event, "sub-1").unwrap();
        assert_eq!(
            String::from_utf8(compiled.template.body(&data).unwrap().unwrap()).unwrap(),
            r#"["e-1","OrderCreated","2024-01-15T10:30:00.000Z","sub-1","A-1"]"#
        );
    }

    #[test]
    fn broken_data_is_an_error_and_ids_are_hex() {
        let event = Event { data: bytes_of("{"), ..Event::default() };
        assert!(default_body(&event, "s").is_err());
        assert_eq!(webhook_id(&[0, 0xff, 0x1a]), "msg_00ff1a");
    }

    fn bytes_of(text: &str) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(text.as_bytes())
    }
}
