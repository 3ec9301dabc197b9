//! Upstream publishers: records as other systems would write them, produced to real Kafka.

mod record;

pub use record::{Record, UpstreamEvent};

use anyhow::{Context, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use std::time::Duration;

const TRANSACTION: Duration = Duration::from_secs(20);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Commit,
    Abort,
}

/// A producer for upstream topics.
pub struct Upstream {
    brokers: String,
    producer: FutureProducer,
}

impl Upstream {
    /// Connects in the background.
    ///
    /// # Errors
    /// The client library refuses its settings.
    pub fn new(brokers: &str) -> Result<Self> {
        let producer = config(brokers).set("queue.buffering.max.messages", "200000").create()?;
        Ok(Self { brokers: brokers.to_owned(), producer })
    }

    /// Creates a topic with one replica.
    ///
    /// # Errors
    /// It exists already, or Kafka refuses.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        self.create_topic_with(name, partitions, &[]).await
    }

    /// Creates a topic with one replica and settings such as `("cleanup.policy", "compact")`.
    ///
    /// # Errors
    /// It exists already, or Kafka refuses.
    pub async fn create_topic_with(
        &self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        match self.created(name, partitions, settings).await? {
            Ok(_) => Ok(()),
            Err((name, code)) => Err(anyhow!("creating the topic {name}: {code}")),
        }
    }

    /// As [`Upstream::create_topic`], but a topic that exists already is as good.
    ///
    /// # Errors
    /// Kafka refuses, or does not answer.
    pub async fn ensure_topic(&self, name: &str, partitions: i32) -> Result<()> {
        match self.created(name, partitions, &[]).await? {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err((name, code)) => Err(anyhow!("creating the topic {name}: {code}")),
        }
    }

    async fn created(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<TopicResult> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create()?;
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(TRANSACTION));
        let results = admin.create_topics([&topic], &options).await?;
        results.into_iter().next().context("Kafka did not say what became of the topic")
    }

    /// Hands a record to the producer without waiting for its acknowledgement; waits while its queue is full.
    ///
    /// # Errors
    /// The record is refused, for example as too large.
    pub async fn enqueue(&self, topic: &str, record: &Record) -> Result<DeliveryFuture> {
        enqueue(&self.producer, topic, record).await
    }

    /// Writes a record, waits for its acknowledgement, and says at which partition and offset it stands.
    ///
    /// # Errors
    /// It was not acknowledged.
    pub async fn send(&self, topic: &str, record: &Record) -> Result<(i32, i64)> {
        acknowledged(self.enqueue(topic, record).await?).await
    }

    /// Writes many records and waits until all are acknowledged.
    ///
    /// # Errors
    /// One was not acknowledged.
    pub async fn send_all(&self, topic: &str, records: &[Record]) -> Result<()> {
        send_all(&self.producer, topic, records).await
    }

    /// Writes records in one transaction and ends it as told.
    ///
    /// # Errors
    /// A record or a step of the transaction failed.
    pub async fn send_in_transaction(&self, topic: &str, records: &[Record], end: End) -> Result<()> {
        let id = format!("upstream-{:016x}", fastrand::u64(..));
        let producer: FutureProducer = config(&self.brokers).set("transactional.id", id).create()?;
        blocking(&producer, |producer| {
            producer.init_transactions(TRANSACTION)?;
            producer.begin_transaction()
        })
        .await
        .context("beginning a transaction")?;
        // Acknowledged first: ending a transaction with records under way takes ten times as long.
        send_all(&producer, topic, records).await?;
        blocking(&producer, move |producer| match end {
            End::Commit => producer.commit_transaction(TRANSACTION),
            End::Abort => producer.abort_transaction(TRANSACTION),
        })
        .await
        .with_context(|| format!("ending a transaction: {end:?}"))
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config.set("enable.idempotence", "true").set("acks", "all");
    config.set("compression.type", "zstd").set("linger.ms", "1").set("message.timeout.ms", "30000");
    config
}

async fn blocking(
    producer: &FutureProducer,
    step: impl FnOnce(&FutureProducer) -> Result<(), KafkaError> + Send + 'static,
) -> Result<()> {
    let producer = producer.clone();
    Ok(tokio::task::spawn_blocking(move || step(&producer)).await??)
}

async fn enqueue(producer: &FutureProducer, topic: &str, record: &Record) -> Result<DeliveryFuture> {
    let mut message: FutureRecord<'_, [u8], [u8]> =
        FutureRecord::to(topic).payload(record.payload.as_slice()).headers(record.kafka_headers());
    if let Some(key) = &record.key {
        message = message.key(key.as_slice());
    }
    if let Some(partition) = record.partition {
        message = message.partition(partition);
    }
    loop {
        match producer.send_result(message) {
            Ok(delivery) => return Ok(delivery),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => message = back,
            Err((error, _)) => return Err(error).with_context(|| format!("producing to {topic}")),
        }
        tokio::time::sleep(QUEUE_FULL_PAUSE).await;
    }
}

async fn send_all(producer: &FutureProducer, topic: &str, records: &[Record]) -> Result<()> {
    let mut under_way = Vec::with_capacity(records.len());
    for record in records {
        under_way.push(enqueue(producer, topic, record).await?);
    }
    for delivery in under_way {
        acknowledged(delivery).await?;
    }
    Ok(())
}

async fn acknowledged(delivery: DeliveryFuture) -> Result<(i32, i64)> {
    let Delivery { partition, offset, .. } = delivery
        .await
        .context("the producer went away before the acknowledgement")?
        .map_err(|(error, _)| error)
        .context("a record was not acknowledged")?;
    Ok((partition, offset))
}
