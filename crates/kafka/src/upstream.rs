//! Writing to a topic of others, as a publisher does: for people who try things out.

use std::future::Future;
use std::time::Duration;

use aerogram_settings::Settings;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::client::{Clients, Context, Served};
use crate::writer::{Written, write_error};
use crate::{ConnectError, WriteError};

/// How long Kafka may take to say whether the topic exists.
const ASK: Duration = Duration::from_secs(10);
const FULL_PAUSE: Duration = Duration::from_millis(5);

/// Appends records to one topic; each is given up when it is not acknowledged within `kafka.write_expiry_ms`.
pub struct UpstreamWriter {
    producer: FutureProducer<Context>,
    topic: String,
}

/// Why nothing can be written to a topic.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("the topic {0} does not exist; see how it is spelt, or create it")]
    NoTopic(String),
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl UpstreamWriter {
    /// Connects, and sees that the topic exists: writing to it would make it, where brokers are set up so.
    ///
    /// # Errors
    /// Kafka does not answer within 10 s, or has no such topic.
    pub async fn connect(settings: &Settings, topic: &str) -> Result<Self, UpstreamError> {
        let clients = Clients::new(settings);
        let (asking, name) = (clients.asking("read_committed"), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let served = Served::start(&asking, "looking for the topic")?;
            let consumer = served.consumer().ok_or(KafkaError::Canceled)?;
            let metadata = consumer.fetch_metadata(Some(&name), ASK)?;
            Ok::<bool, KafkaError>(metadata.topics().iter().any(|found| !found.partitions().is_empty()))
        });
        let unreachable = |reason: String| ConnectError::Unreachable {
            brokers: settings.kafka.brokers.clone(),
            waited_ms: u64::try_from(ASK.as_millis()).unwrap_or(u64::MAX),
            reason,
        };
        match asked.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(UpstreamError::NoTopic(topic.to_owned())),
            Ok(Err(error @ (KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..)))) => {
                return Err(ConnectError::Client(error).into());
            }
            Ok(Err(error)) => return Err(unreachable(error.to_string()).into()),
            Err(error) => return Err(unreachable(error.to_string()).into()),
        }
        let mut config = clients.writing(Some(Duration::from_millis(settings.kafka.write_expiry_ms)));
        // As Kafka's own clients choose, so that a key stays in the partition where other publishers put it.
        config.set("partitioner", "murmur2_random");
        let producer = config.create_with_context(Context::new("upstream")).map_err(ConnectError::Client)?;
        Ok(Self { producer, topic: topic.to_owned() })
    }

    /// Hands a record over, waiting while the queue is full; the order of calls is the order of appending within a
    /// partition. What comes back is its acknowledgement.
    ///
    /// # Errors
    /// `Permanent` when it can't ever be written; also `Expired` from the acknowledgement.
    pub async fn enqueue(
        &self,
        key: &[u8],
        payload: &[u8],
        headers: &[(&str, &str)],
    ) -> Result<impl Future<Output = Result<Written, WriteError>> + Send + use<>, WriteError> {
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(*value) })
        });
        let mut record = FutureRecord::to(&self.topic).key(key).payload(payload).headers(headers);
        let delivery = loop {
            match self.producer.send_result(record) {
                Ok(delivery) => break delivery,
                Err((error, back)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    record = back;
                    tokio::time::sleep(FULL_PAUSE).await;
                }
                // -1: the partitioner had not chosen yet.
                Err((error, _)) => return Err(write_error(&error, &self.topic, -1)),
            }
        };
        let topic = self.topic.clone();
        Ok(async move {
            match delivery.await {
                Ok(Ok(done)) => Ok(Written { partition: done.partition, offset: done.offset.max(-1) }),
                Ok(Err((error, _))) => Err(write_error(&error, &topic, -1)),
                Err(_) => Err(write_error(&KafkaError::Canceled, &topic, -1)),
            }
        })
    }
}
