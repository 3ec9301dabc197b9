//! What is read from a partition.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::{Bytes, BytesMut};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};

/// A record as the broker keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    /// The broker's time for internal topics, in milliseconds since 1970; -1 where a record has none.
    pub timestamp_ms: i64,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub payload: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
}

impl Record {
    /// The value of the last header of that name, as Kafka's own clients read it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// One allocation holds key, payload and header values.
    pub(crate) fn copy_of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, read_headers);
        let header_bytes: usize = headers.iter().map(|(_, value)| value.len()).sum();
        let mut buffer = BytesMut::with_capacity(message.key_len() + message.payload_len() + header_bytes);
        let mut keep = |part: &[u8]| {
            buffer.extend_from_slice(part);
            buffer.split().freeze()
        };
        Self {
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().map(&mut keep),
            payload: message.payload().map(&mut keep),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), keep(value))).collect(),
        }
    }
}

/// What stands for the name of a header that is not UTF-8; its value is lost.
const UNREADABLE: &str = "\u{fffd}";

/// rdkafka panics on a header name that is not UTF-8, and anybody who writes upstream may send one.
fn read_headers(headers: &BorrowedHeaders) -> Vec<(&str, &[u8])> {
    (0..headers.count())
        .filter_map(|index| match catch_unwind(AssertUnwindSafe(|| headers.try_get(index))) {
            Ok(header) => header.map(|header| (header.key, header.value.unwrap_or_default())),
            Err(_) => Some((UNREADABLE, <&[u8]>::default())),
        })
        .collect()
}

/// What a partition yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Record(Record),
    /// Everything that was in the partition when this was said has been returned.
    End,
}
