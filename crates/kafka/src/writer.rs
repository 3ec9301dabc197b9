//! Writing records.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use aerogram_telemetry::names;
use aerogram_wire::Topic;
use bytes::Bytes;
use metrics::Counter;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use crate::client::Context;

/// First and longest wait while the queue is full.
const FULL_PAUSE: Duration = Duration::from_millis(1);
const FULL_PAUSE_MAX: Duration = Duration::from_millis(20);

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedOut {
    pub topic: Topic,
    pub partition: i32,
    pub key: Option<Bytes>,
    /// `None` writes a tombstone.
    pub payload: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
}

/// Where a record was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub partition: i32,
    /// -1 when the broker did not say: it had the record already from an earlier try.
    pub offset: i64,
}

/// The answer of `Writer::write`.
pub type Position = Written;

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("the queue of records waiting to be written is full")]
    QueueFull,
    #[error("the record was not acknowledged in time; it may or may not have been written")]
    Expired,
    #[error("writing to {topic} partition {partition} failed for good: {reason}")]
    Permanent {
        topic: String,
        partition: i32,
        reason: String,
        /// The record itself is refused, such as for its size: writing it again will end in the same way.
        by_the_record: bool,
    },
}

/// Appends records to internal topics; clones share one producer.
#[derive(Clone)]
pub struct Writer(Arc<Inner>);

struct Inner {
    producer: FutureProducer<Context>,
    topics: HashMap<Topic, Arc<TopicOut>>,
}

/// What is the same for all records of a topic.
struct TopicOut {
    name: String,
    counters: Counters,
}

struct Counters {
    written: Counter,
    expired: Counter,
    failed: Counter,
}

impl Counters {
    fn new(topic: Topic) -> Self {
        let counter = |outcome: &'static str| metrics::counter!(names::RECORDS_PRODUCED_TOTAL, "topic" => topic.name(), "outcome" => outcome);
        Self { written: counter("written"), expired: counter("expired"), failed: counter("failed") }
    }

    fn count(&self, result: Result<&Written, &WriteError>) {
        match result {
            Ok(_) => self.written.increment(1),
            Err(WriteError::Expired) => self.expired.increment(1),
            // Tried again, not an end.
            Err(WriteError::QueueFull) => {}
            Err(WriteError::Permanent { .. }) => self.failed.increment(1),
        }
    }
}

impl Writer {
    pub(crate) fn start(config: &ClientConfig, name: &str, topic_prefix: &str) -> KafkaResult<Self> {
        let producer = config.create_with_context(Context::new(name))?;
        let topic = |topic: Topic| {
            (
                topic,
                Arc::new(TopicOut { name: topic.full_name(topic_prefix), counters: Counters::new(topic) }),
            )
        };
        Ok(Self(Arc::new(Inner { producer, topics: Topic::ALL.into_iter().map(topic).collect() })))
    }

    pub(crate) fn producer(&self) -> &FutureProducer<Context> {
        &self.0.producer
    }

    /// Enqueues, waiting while the queue is full. The order of enqueueing is the order of appending within a partition.
    /// Cancelled before it returns, nothing was enqueued.
    ///
    /// # Errors
    /// `Permanent` when the record can't ever be written.
    pub async fn enqueue(&self, out: Out<'_>) -> Result<Ack, WriteError> {
        let mut pause = FULL_PAUSE;
        loop {
            match self.try_enqueue(out) {
                Err(WriteError::QueueFull) => tokio::time::sleep(pause).await,
                done => return done,
            }
            pause = (pause * 2).min(FULL_PAUSE_MAX);
        }
    }

    /// Enqueues at once.
    ///
    /// # Errors
    /// `QueueFull`, or `Permanent` when the record can't ever be written.
    pub fn try_enqueue(&self, out: Out<'_>) -> Result<Ack, WriteError> {
        let partition = out.partition;
        let Some(topic) = self.0.topics.get(&out.topic) else {
            let reason = "it is not among the topics".to_owned();
            let topic = out.topic.name().to_owned();
            return Err(WriteError::Permanent { topic, partition, reason, by_the_record: false });
        };
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic.name).partition(partition);
        record.key = out.key;
        record.payload = out.payload;
        if !out.headers.is_empty() {
            let none = OwnedHeaders::new_with_capacity(out.headers.len());
            let headers = out
                .headers
                .iter()
                .fold(none, |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
            record.headers = Some(headers);
        }
        match self.0.producer.send_result(record) {
            Ok(delivery) => Ok(Ack { delivery, topic: Arc::clone(topic), partition }),
            Err((error, _)) => {
                let error = write_error(&error, &topic.name, partition);
                topic.counters.count(Err(&error));
                Err(error)
            }
        }
    }

    /// Enqueues and waits for the acknowledgement.
    ///
    /// # Errors
    /// `Expired` only from an expiring writer; `Permanent`.
    pub async fn write(&self, out: Out<'_>) -> Result<Position, WriteError> {
        self.enqueue(out).await?.await
    }

    /// Waits until everything enqueued has been acknowledged or has failed, at most `timeout`.
    pub async fn flush(&self, timeout: Duration) {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || inner.producer.flush(timeout)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("flushing: {error}"),
            Err(error) => tracing::warn!("flushing: {error}"),
        }
    }
}

impl OwnedOut {
    /// Calls `with` with the record, borrowed.
    pub(crate) fn borrowed<R>(&self, with: impl FnOnce(Out<'_>) -> R) -> R {
        let headers: Vec<_> =
            self.headers.iter().map(|(key, value)| (key.as_str(), value.as_ref())).collect();
        with(Out {
            topic: self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            headers: &headers,
        })
    }
}

/// The acknowledgement of a record. Dropping it does not take the record back.
pub struct Ack {
    delivery: DeliveryFuture,
    topic: Arc<TopicOut>,
    partition: i32,
}

impl Future for Ack {
    type Output = Result<Written, WriteError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let result = match ready!(Pin::new(&mut self.delivery).poll(context)) {
            Ok(Ok(delivery)) => {
                Ok(Written { partition: delivery.partition, offset: delivery.offset.max(UNKNOWN_OFFSET) })
            }
            Ok(Err((error, _))) => Err(write_error(&error, &self.topic.name, self.partition)),
            Err(_) => Err(write_error(&KafkaError::Canceled, &self.topic.name, self.partition)),
        };
        self.topic.counters.count(result.as_ref());
        Poll::Ready(result)
    }
}

fn is_about_the_record(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageSizeTooLarge | Code::InvalidMessage | Code::InvalidRecord | Code::PolicyViolation
    )
}

/// What stands for an offset the broker did not say; librdkafka has a lower number for it.
const UNKNOWN_OFFSET: i64 = -1;

pub(crate) fn write_error(error: &KafkaError, topic: &str, partition: i32) -> WriteError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => WriteError::QueueFull,
        Some(RDKafkaErrorCode::MessageTimedOut) => WriteError::Expired,
        code => WriteError::Permanent {
            topic: topic.to_owned(),
            partition,
            reason: error.to_string(),
            by_the_record: code.is_some_and(is_about_the_record),
        },
    }
}
