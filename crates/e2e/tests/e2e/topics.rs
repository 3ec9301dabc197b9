//! What stands in a topic, read from its beginning to its end.

use crate::setup::Setup;
use aerogram_wire::{Message, Topic};
use anyhow::{Context, Result, bail};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};

const READ_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// All committed records of an internal topic, tombstones included.
pub async fn raw(setup: &Setup, topic: Topic) -> Result<Vec<OwnedMessage>> {
    let (brokers, name) = (setup.rig.brokers().to_owned(), topic.full_name(setup.rig.prefix()));
    tokio::task::spawn_blocking(move || read(&brokers, &name)).await?
}

/// All records of an internal topic, decoded.
pub async fn decoded<T: Message + Default>(setup: &Setup, topic: Topic) -> Result<Vec<T>> {
    let records = raw(setup, topic).await?;
    let payloads = records.iter().filter_map(|record| record.payload());
    payloads
        .map(|payload| T::decode(payload).with_context(|| format!("a record of {}", topic.name())))
        .collect()
}

/// Reads again and again until `reached` holds for what stands there.
pub async fn wait_for<T: Message + Default + Debug>(
    setup: &Setup,
    topic: Topic,
    timeout: Duration,
    reached: impl Fn(&[T]) -> bool,
) -> Result<Vec<T>> {
    let until = Instant::now() + timeout;
    loop {
        let records = decoded(setup, topic).await?;
        if reached(&records) {
            return Ok(records);
        }
        if Instant::now() >= until {
            bail!("{} has {} records after {timeout:?}: {records:?}", topic.name(), records.len());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn read(brokers: &str, topic: &str) -> Result<Vec<OwnedMessage>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "e2e-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), READ_WITHIN)?;
    let partitions = metadata.topics().first().context("no metadata")?.partitions();
    let mut assignment = TopicPartitionList::new();
    for partition in partitions {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let until = Instant::now() + READ_WITHIN;
    let (mut records, mut ended) = (Vec::new(), BTreeSet::new());
    while ended.len() < partitions.len() {
        match consumer.poll(LOOK_EVERY) {
            Some(Ok(record)) => records.push(BorrowedMessage::detach(&record)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => return Err(error).with_context(|| format!("reading {topic}")),
            None if Instant::now() >= until => bail!("the end of {topic} was not reached in {READ_WITHIN:?}"),
            None => {}
        }
    }
    Ok(records)
}
