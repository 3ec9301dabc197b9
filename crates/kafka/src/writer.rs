//! Writing records.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aerogram_wire::Topic;
use bytes::Bytes;

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    pub topic: Topic,
    pub partition: i32,
    pub key: Option<&'a [u8]>,
    /// `None` writes a tombstone.
    pub payload: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// A record to be written that owns its bytes.
#[derive(Clone, Debug)]
pub struct OwnedOut {
    pub topic: Topic,
    pub partition: i32,
    pub key: Option<Bytes>,
    pub payload: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
}

/// Where a record was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub partition: i32,
    /// -1 when the broker did not say: the acknowledgement of a retry that it recognised as a duplicate.
    pub offset: i64,
}

pub type Position = Written;

#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the queue of records waiting to be written is full")]
    QueueFull,
    #[error("the record was not acknowledged in time; it may or may not have been written")]
    Expired,
    #[error("writing to {topic} partition {partition} failed for good: {reason}")]
    Permanent { topic: String, partition: i32, reason: String },
}

#[derive(Clone)]
pub struct Writer {}

impl Writer {
    pub async fn enqueue(&self, _out: Out<'_>) -> Result<Ack, WriteError> { unimplemented!() }
    pub fn try_enqueue(&self, _out: Out<'_>) -> Result<Ack, WriteError> { unimplemented!() }
    pub async fn write(&self, _out: Out<'_>) -> Result<Position, WriteError> { unimplemented!() }
    pub async fn flush(&self, _timeout: Duration) { unimplemented!() }
}

/// The acknowledgement of a record.
pub struct Ack {}

impl Future for Ack {
    type Output = Result<Written, WriteError>;
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> { unimplemented!() }
}
