//! Upstream events and their forms on the wire.

use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Map, Value, json};

/// An event as a publisher knows it; CloudEvents attributes, with the tenant as extension attributes.
#[derive(Clone, Debug)]
pub struct UpstreamEvent {
    pub id: String,
    pub source: String,
    /// A wire name such as `FLIGHT_TIME_UPDATE`.
    pub kind: String,
    /// The flight, order or contract; also the record's key.
    pub subject: String,
    /// RFC 3339.
    pub time: String,
    pub operator: String,
    pub contract: Option<String>,
    pub environment: Option<String>,
    pub data: Value,
}

impl UpstreamEvent {
    /// An event that happens now, from the source `/test`.
    pub fn new(id: impl Into<String>, kind: &str, operator: &str, subject: &str, data: Value) -> Self {
        Self {
            id: id.into(),
            source: "/test".to_owned(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            time: jiff::Timestamp::now().to_string(),
            operator: operator.to_owned(),
            contract: None,
            environment: None,
            data,
        }
    }

    fn attributes(&self) -> Vec<(&'static str, &str)> {
        let mut attributes = vec![
            ("specversion", "1.0"),
            ("id", self.id.as_str()),
            ("source", self.source.as_str()),
            ("type", self.kind.as_str()),
            ("subject", self.subject.as_str()),
            ("time", self.time.as_str()),
            ("operator", self.operator.as_str()),
        ];
        attributes.extend(self.contract.as_deref().map(|contract| ("contract", contract)));
        attributes.extend(self.environment.as_deref().map(|environment| ("environment", environment)));
        attributes
    }

    /// The CloudEvents JSON object, as `POST /v1/events` takes it too.
    pub fn cloud_event(&self) -> Value {
        let mut object: Map<String, Value> =
            self.attributes().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        object.insert("datacontenttype".to_owned(), json!("application/json"));
        object.insert("data".to_owned(), self.data.clone());
        Value::Object(object)
    }

    /// A Kafka record in CloudEvents structured mode.
    pub fn structured(&self) -> Record {
        Record::new(self.cloud_event().to_string())
            .keyed(&self.subject)
            .header("content-type", "application/cloudevents+json; charset=UTF-8")
    }

    /// A Kafka record in CloudEvents binary mode: attributes in `ce_` headers, the data alone as value.
    pub fn binary(&self) -> Record {
        let record = Record::new(self.data.to_string())
            .keyed(&self.subject)
            .header("content-type", "application/json");
        self.attributes()
            .into_iter()
            .fold(record, |record, (name, value)| record.header(&format!("ce_{name}"), value))
    }
}

/// A Kafka record to be produced, well-formed or not.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub payload: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// Where the producer's partitioner chooses, unless set.
    pub partition: Option<i32>,
}

impl Record {
    /// A record with this value and nothing else.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }

    /// A record with an encoded `aerogram.v1.Event`.
    pub fn protobuf(key: &str, encoded: impl Into<Vec<u8>>) -> Self {
        Self::new(encoded).keyed(key).header("content-type", "application/protobuf")
    }

    /// Sets the key.
    #[must_use]
    pub fn keyed(mut self, key: &str) -> Self {
        self.key = Some(key.as_bytes().to_vec());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn on_partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub(super) fn kafka_headers(&self) -> OwnedHeaders {
        self.headers
            .iter()
            .fold(OwnedHeaders::new_with_capacity(self.headers.len()), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value) })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> UpstreamEvent {
        let mut event = UpstreamEvent::new("e1", "PRODUCT_ADDED", "op1", "c-7", json!({"a": 1}));
        event.contract = Some("c-7".to_owned());
        event
    }

    #[test]
    fn structured_mode_holds_all_in_the_value() {
        let record = event().structured();
        let value: Value = serde_json::from_slice(&record.payload).unwrap();
        assert_eq!(value["specversion"], "1.0");
        assert_eq!(value["type"], "PRODUCT_ADDED");
        assert_eq!(value["contract"], "c-7");
        assert_eq!(value["data"], json!({"a": 1}));
        assert_eq!(value.get("environment"), None);
        assert_eq!(record.key.as_deref(), Some(b"c-7".as_slice()));
    }

    #[test]
    fn binary_mode_holds_attributes_in_headers() {
        let record = event().binary();
        let header = |name: &str| {
            let found = record.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        };
        assert_eq!(record.payload, br#"{"a":1}"#);
        assert_eq!(header("ce_id").as_deref(), Some("e1"));
        assert_eq!(header("ce_operator").as_deref(), Some("op1"));
        assert_eq!(header("content-type").as_deref(), Some("application/json"));
        assert_eq!(header("ce_data"), None);
    }
}
