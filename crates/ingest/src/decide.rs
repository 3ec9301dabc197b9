//! From a record of a publisher to the record we write: into `events`, or into `rejected`.

use crate::{clock, sources::Source, warnings::Warnings};
use aerogram_domain::intake::{self, Incoming, Refusal};
use aerogram_kafka::{Cluster, Out, Record};
use aerogram_telemetry::names;
use aerogram_wire::{
    Topic, headers,
    v1::{Envelope, Origin},
};
use bytes::Bytes;
use prost::Message as _;

/// W3C's form has 55 characters; a later version may have some more.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// A record to be written.
pub struct Outgoing {
    topic: Topic,
    partition: i32,
    key: Bytes,
    payload: Vec<u8>,
    traceparent: Option<Bytes>,
}

impl Outgoing {
    /// An accepted event; all events of a subject go to one partition.
    pub fn event(cluster: &Cluster, envelope: &Envelope, traceparent: Option<&[u8]>) -> Self {
        let subject = envelope.event.as_ref().map_or("", |event| &event.subject);
        Self {
            topic: Topic::Events,
            partition: cluster.event_partition(subject.as_bytes()),
            key: Bytes::copy_from_slice(subject.as_bytes()),
            payload: envelope.encode_to_vec(),
            traceparent: traceparent.filter(|value| may_be_traceparent(value)).map(Bytes::copy_from_slice),
        }
    }

    /// The headers, which [`Self::out`] borrows.
    pub fn headers(&self) -> Option<(&'static str, &[u8])> {
        self.traceparent.as_ref().map(|value| (headers::TRACEPARENT, value.as_ref()))
    }

    pub fn out<'a>(&'a self, headers: &'a Option<(&'a str, &'a [u8])>) -> Out<'a> {
        Out {
            topic: self.topic,
            partition: self.partition,
            key: Some(self.key.as_ref()),
            payload: Some(&self.payload),
            headers: headers.as_slice(),
        }
    }
}

/// Decides about a record of partition `partition` of a source; never fails: bad input has a place of its own.
pub fn decide(
    cluster: &Cluster,
    warnings: &Warnings,
    source: &Source,
    partition: i32,
    record: &Record,
) -> Outgoing {
    let now_ms = clock::now_ms();
    let incoming =
        Incoming { key: record.key.as_ref(), payload: record.payload.as_ref(), headers: &record.headers };
    let origin = Origin { topic: source.topic.clone(), partition, offset: record.offset };
    match intake::accept(&source.policy, &source.format, incoming, origin.clone(), now_ms) {
        Ok(accepted) => {
            warnings.tell(&accepted, &source.topic);
            Outgoing::event(cluster, &accepted.envelope, record.header(headers::TRACEPARENT))
        }
        Err(refusal) => {
            count_refused(&refusal);
            warnings.refused(&source.topic, partition, record.offset, &refusal);
            tracing::debug!(topic = source.topic, partition, offset = record.offset, "rejected: {refusal}");
            let rejected = intake::rejected(&source.policy, incoming, &refusal, origin, now_ms);
            Outgoing {
                topic: Topic::Rejected,
                partition: 0,
                payload: rejected.encode_to_vec(),
                key: rejected.key,
                traceparent: None,
            }
        }
    }
}

pub fn count_refused(refusal: &Refusal) {
    metrics::counter!(names::INGEST_REJECTED_TOTAL, "reason" => refusal.code().as_str()).increment(1);
}

fn may_be_traceparent(value: &[u8]) -> bool {
    value.len() <= TRACEPARENT_BYTES_MAX && value.iter().all(u8::is_ascii_graphic)
}
