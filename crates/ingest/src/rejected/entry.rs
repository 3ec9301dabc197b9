//! A rejected record as people see it.

use aerogram_domain::time::iso_millis;
use aerogram_kafka::Record;
use aerogram_wire::{
    LaterSchema, SCHEMA,
    v1::{Origin, Rejected},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use serde::Serialize;
use std::collections::BTreeMap;

/// Errors of one record that a list shows.
const ERRORS_MAX: usize = 20;

/// A rejected record without its payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Where it stands in `rejected`: its name in every call.
    pub offset: i64,
    /// A stable code, such as `missing_field`.
    pub reason: String,
    /// What was wrong then, a sentence a field.
    pub errors: Vec<String>,
    pub origin: Place,
    /// The publisher's scope.
    pub scope: String,
    pub rejected_at: String,
    pub payload_bytes: usize,
    /// Whether it was accepted after all.
    pub settled: bool,
}

/// Where a record came from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A rejected record with all that was kept of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    pub entry: Entry,
    pub key: Content,
    pub headers: BTreeMap<String, String>,
    /// A header that says what the record is was not kept as it came.
    pub headers_incomplete: bool,
    pub payload: Content,
    /// Only the beginning of the payload was kept.
    pub payload_truncated: bool,
}

/// Bytes as JSON can hold them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// They were UTF-8.
    Text(String),
    Base64(String),
}

impl Entry {
    pub(super) fn new(offset: i64, rejected: &Rejected) -> Self {
        Self {
            offset,
            reason: rejected.reason.clone(),
            errors: rejected.errors.iter().take(ERRORS_MAX).cloned().collect(),
            origin: rejected.origin.as_ref().map(Place::of).unwrap_or_default(),
            scope: rejected.scope.clone(),
            rejected_at: iso_millis(rejected.rejected_at_ms),
            payload_bytes: rejected.payload.len(),
            settled: false,
        }
    }

    /// A record this version does not understand.
    pub(super) fn unreadable(offset: i64, why: String) -> Self {
        Self { reason: "unreadable".to_owned(), errors: vec![why], ..Self::new(offset, &Rejected::default()) }
    }
}

impl Place {
    fn of(origin: &Origin) -> Self {
        Self { topic: origin.topic.clone(), partition: origin.partition, offset: origin.offset }
    }
}

impl Detail {
    pub(super) fn new(offset: i64, rejected: &Rejected, settled: bool) -> Self {
        let headers = rejected.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        Self {
            entry: Entry { settled, errors: rejected.errors.clone(), ..Entry::new(offset, rejected) },
            key: Content::of(&rejected.key),
            headers: headers.collect(),
            headers_incomplete: rejected.headers_incomplete,
            payload: Content::of(&rejected.payload),
            payload_truncated: rejected.payload_truncated,
        }
    }
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.to_owned()),
            Err(_) => Content::Base64(BASE64_STANDARD.encode(bytes)),
        }
    }
}

/// # Errors
/// Why the record of `rejected` is not understood.
pub(super) fn decode(record: &Record) -> Result<Rejected, String> {
    let payload = record.payload.clone().unwrap_or_default();
    let rejected =
        Rejected::decode(payload).map_err(|error| format!("the record cannot be decoded: {error}"))?;
    if rejected.schema > SCHEMA { Err(LaterSchema(rejected.schema).to_string()) } else { Ok(rejected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    fn record(payload: Vec<u8>) -> Record {
        Record { offset: 7, timestamp_ms: 0, key: None, payload: Some(payload.into()), headers: Vec::new() }
    }

    #[test]
    fn a_record_is_shown_with_all_there_is() {
        let rejected = Rejected {
            schema: SCHEMA,
            reason: "missing_field".into(),
            errors: vec!["/id: is missing".into()],
            origin: Some(Origin { topic: "ops".into(), partition: 1, offset: 5 }),
            scope: "s".into(),
            key: Bytes::from_static(b"\xff"),
            payload: Bytes::from_static("{\"é\":1}".as_bytes()),
            rejected_at_ms: 1_705_314_600_000,
            headers: [("a".to_owned(), "b".to_owned())].into(),
            ..Rejected::default()
        };
        let decoded = decode(&record(rejected.encode_to_vec())).unwrap();
        let shown = serde_json::to_value(Detail::new(7, &decoded, true)).unwrap();
        assert_eq!(
            shown,
            json!({
                "offset": 7, "reason": "missing_field", "errors": ["/id: is missing"],
                "origin": {"topic": "ops", "partition": 1, "offset": 5}, "scope": "s",
                "rejectedAt": "2024-01-15T10:30:00.000Z", "payloadBytes": 8, "settled": true, "key": {"base64": "/w=="},
                "headers": {"a": "b"}, "headersIncomplete": false, "payload": {"text": "{\"é\":1}"}, "payloadTruncated": false
            })
        );
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert!(decode(&record(vec![255])).unwrap_err().contains("decoded"));
        let later = Rejected { schema: SCHEMA + 1, ..Rejected::default() };
        assert!(decode(&record(later.encode_to_vec())).unwrap_err().contains("schema"));
    }
}
