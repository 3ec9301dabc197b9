//! A split partition queue, of a group's driver or of a companion consumer.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tokio::sync::Notify;

use crate::client::{Consumer, Context, is_transient};
use crate::record::{Item, Record};
use crate::sync::lock;

/// How long one try of a seek may take.
const SEEK_TRY: Duration = Duration::from_secs(2);
/// A seek is refused while the partition's fetching is just being started; that passes.
const SEEK_PAUSE: Duration = Duration::from_millis(20);
const SEEK_TRIES: u32 = 100;

/// Why a partition can't be read on. Both stop the partition: nothing is skipped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    #[error(
        "{topic} partition {partition} has no offset {offset} (any more), where reading should go on: records were \
         deleted before they were read, or the topic was made anew. Nothing is skipped silently: find out what was \
         lost, then set the group's offset by hand (kafka-consumer-groups.sh --reset-offsets) and start again"
    )]
    OffsetOutOfRange { topic: String, partition: i32, offset: i64 },
    #[error("{topic} partition {partition} cannot be read: {reason}")]
    Client { topic: String, partition: i32, reason: String },
}

/// The queue of one partition, shared by its reader and by whom may take it away.
pub(crate) struct Slot {
    queue: Mutex<Option<PartitionQueue<Context>>>,
    consumer: Weak<Consumer>,
    filled: Arc<Notify>,
    /// The offset after the last record returned.
    position: Arc<AtomicI64>,
}

impl Slot {
    /// Splits the queue off; to be done before each assignment of the partition.
    pub fn split(
        consumer: &Arc<Consumer>,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> Result<Arc<Self>, ReadError> {
        let Some(mut queue) = consumer.split_partition_queue(topic, partition) else {
            let reason = "its queue cannot be split off".to_owned();
            return Err(ReadError::Client { topic: topic.to_owned(), partition, reason });
        };
        let filled = Arc::new(Notify::new());
        let wake = Arc::clone(&filled);
        // Runs on librdkafka's own threads, under its locks.
        queue.set_nonempty_callback(move || wake.notify_one());
        let position = Arc::new(AtomicI64::new(from));
        let consumer = Arc::downgrade(consumer);
        Ok(Arc::new(Self { queue: Mutex::new(Some(queue)), consumer, filled, position }))
    }

    pub fn position(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.position)
    }

    /// Takes the queue away: its reader gets an error from now on, and holds the consumer no longer.
    pub fn close(&self) {
        drop(lock(&self.queue).take());
        self.filled.notify_one();
    }

    /// The offset after the last record or marker taken from the queue; `None` before the first after an assignment or a
    /// seek.
    fn taken_in(&self, topic: &str, partition: i32) -> Option<i64> {
        let guard = lock(&self.queue);
        guard.as_ref()?;
        let all = self.consumer.upgrade()?.position().ok()?;
        match all.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// Blocks. `None` when the queue was taken away.
    fn seek(&self, topic: &str, partition: i32, offset: i64) -> Option<KafkaResult<()>> {
        // The queue holds the consumer, so it is never this that drops it.
        let guard = lock(&self.queue);
        guard.as_ref()?;
        let consumer = self.consumer.upgrade()?;
        Some(consumer.seek(topic, partition, Offset::Offset(offset), SEEK_TRY))
    }
}

/// Ends the assignment of a companion partition when its reader is dropped.
pub(crate) trait Unassign: Send + Sync {
    fn unassign(&self, topic: &str, partition: i32, slot: &Slot);
}

/// Reads one partition in order.
pub struct PartitionReader {
    topic: String,
    partition: i32,
    slot: Arc<Slot>,
    owner: Option<Arc<dyn Unassign>>,
    /// The last look found nothing, so the next arrival wakes.
    empty: bool,
}

impl PartitionReader {
    /// Of a group's partition: the group assigns and unassigns.
    pub(crate) fn of_group(topic: String, partition: i32, slot: Arc<Slot>) -> Self {
        Self { topic, partition, slot, owner: None, empty: false }
    }

    /// Of a companion partition.
    pub(crate) fn of_companion(
        topic: String,
        partition: i32,
        slot: Arc<Slot>,
        owner: Arc<dyn Unassign>,
    ) -> Self {
        Self { topic, partition, slot, owner: Some(owner), empty: false }
    }

    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The full name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Never blocks; `None` means that nothing is there now.
    ///
    /// # Errors
    /// When the partition can't be read on.
    pub fn try_next(&mut self) -> Result<Option<Item>, ReadError> {
        let guard = lock(&self.slot.queue);
        let Some(queue) = guard.as_ref() else { return Err(self.failed("it was taken from this process")) };
        loop {
            match queue.poll(Duration::ZERO) {
                None => {
                    self.empty = true;
                    return Ok(None);
                }
                Some(Ok(message)) => {
                    let record = Record::copy_of(&message);
                    self.slot.position.store(record.offset + 1, Ordering::Relaxed);
                    self.empty = false;
                    return Ok(Some(Item::Record(record)));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.empty = false;
                    return Ok(Some(Item::End));
                }
                Some(Err(error)) if is_transient(&error) => {
                    tracing::warn!(topic = self.topic, partition = self.partition, "reading: {error}");
                }
                Some(Err(error)) => return Err(self.read_error(&error)),
            }
        }
    }

    /// Waits for the next item; cancel-safe.
    ///
    /// # Errors
    /// When the partition can't be read on.
    pub async fn next(&mut self) -> Result<Item, ReadError> {
        // A full queue must not keep the other tasks of the thread waiting.
        tokio::task::coop::consume_budget().await;
        loop {
            if let Some(item) = self.try_next()? {
                return Ok(item);
            }
            self.ready().await;
        }
    }

    /// Returns when `try_next` may have something; cancel-safe, may return for nothing.
    pub async fn ready(&self) {
        if self.empty {
            self.slot.filled.notified().await;
        }
    }

    /// Everything before this offset was returned, or never will be: unlike records, it counts the markers of transactions
    /// that were read. Ask it when nothing more is there.
    pub fn position(&self) -> i64 {
        let returned = self.slot.position.load(Ordering::Relaxed);
        returned.max(self.slot.taken_in(&self.topic, self.partition).unwrap_or(returned))
    }

    /// Goes on reading at this offset and drops what was fetched ahead. An offset that does not exist is reported when
    /// reading on.
    ///
    /// # Errors
    /// When the partition was taken from this process, or librdkafka refuses.
    pub async fn seek(&mut self, offset: i64) -> Result<(), ReadError> {
        let mut tries = 0;
        loop {
            let (slot, topic, partition) = (Arc::clone(&self.slot), self.topic.clone(), self.partition);
            match tokio::task::spawn_blocking(move || slot.seek(&topic, partition, offset)).await {
                Ok(Some(Ok(()))) => break,
                Ok(Some(Err(error))) if tries < SEEK_TRIES => {
                    tries += 1;
                    tracing::debug!(
                        topic = self.topic,
                        partition = self.partition,
                        offset,
                        "seeking: {error}"
                    );
                }
                Ok(Some(Err(error))) => return Err(self.failed(&error.to_string())),
                Ok(None) => return Err(self.failed("it was taken from this process")),
                Err(error) => return Err(self.failed(&error.to_string())),
            }
            tokio::time::sleep(SEEK_PAUSE).await;
        }
        self.slot.position.store(offset, Ordering::Relaxed);
        self.empty = false;
        Ok(())
    }

    fn read_error(&self, error: &KafkaError) -> ReadError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                ReadError::OffsetOutOfRange {
                    topic: self.topic.clone(),
                    partition: self.partition,
                    offset: self.slot.position.load(Ordering::Relaxed),
                }
            }
            _ => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, reason: &str) -> ReadError {
        ReadError::Client { topic: self.topic.clone(), partition: self.partition, reason: reason.to_owned() }
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        if let Some(owner) = &self.owner {
            owner.unassign(&self.topic, self.partition, &self.slot);
        }
    }
}
