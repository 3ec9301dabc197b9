//! Where partitions end.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aerogram_wire::{Layout, Topic};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use crate::client::{Clients, Served, is_transient};
use crate::reader::ReadError;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);
/// A broker that is just coming up denies partitions that were seen when this process started, for up to this long.
const UNKNOWN_MAX: Duration = Duration::from_secs(30);
/// Wait before asking again.
const PAUSE: Duration = Duration::from_millis(100);
/// Questions under way; each holds a thread.
const QUESTIONS_MAX: usize = 8;

/// Asks for ends through clients that fetch nothing, because one that fetches answers a thousand times slower. All
/// questions wait while Kafka can't be reached: put a timeout around them where that matters.
#[derive(Clone)]
pub struct Ends(Arc<Inner>);

struct Inner {
    clients: Clients,
    layout: Layout,
    stable: Served,
    /// Made when first needed.
    written: OnceLock<Served>,
    questions: Semaphore,
}

/// Which end is asked for.
#[derive(Clone, Copy)]
enum End {
    /// What read-committed readers see.
    Stable,
    /// Open transactions included.
    Written,
}

impl Ends {
    pub(crate) fn start(clients: &Clients, layout: &Layout) -> KafkaResult<Self> {
        let stable = Served::start(&clients.asking("read_committed"), "ends")?;
        Ok(Self(Arc::new(Inner {
            clients: clients.clone(),
            layout: layout.clone(),
            stable,
            written: OnceLock::new(),
            questions: Semaphore::new(QUESTIONS_MAX),
        })))
    }

    /// The offset after the last record that read-committed readers see, for each of the partitions.
    ///
    /// # Errors
    /// When a partition does not exist or may not be read.
    pub async fn last_stable(&self, topic: Topic, partitions: &[i32]) -> Result<Vec<i64>, ReadError> {
        self.ask(End::Stable, topic, partitions, Offset::End).await
    }

    /// The offset after the last record, those of open transactions included, for each of the partitions.
    ///
    /// # Errors
    /// When a partition does not exist or may not be read.
    pub async fn high_watermarks(&self, topic: Topic, partitions: &[i32]) -> Result<Vec<i64>, ReadError> {
        self.ask(End::Written, topic, partitions, Offset::End).await
    }

    /// As `last_stable`, for all partitions of the topic in their order.
    ///
    /// # Errors
    /// When a partition does not exist or may not be read.
    pub async fn all_last_stable(&self, topic: Topic) -> Result<Vec<i64>, ReadError> {
        let partitions: Vec<i32> = (0..self.0.layout.partitions_of(topic)).collect();
        self.last_stable(topic, &partitions).await
    }

    /// The offset of the first record at or after the time, in milliseconds since 1970; the end if there is none.
    ///
    /// # Errors
    /// When the partition does not exist or may not be read.
    pub async fn at_time(&self, topic: Topic, partition: i32, time_ms: i64) -> Result<i64, ReadError> {
        // The end comes first: a record appended between the questions must not be passed over.
        let end = self.last_stable(topic, &[partition]).await?;
        let found = self.ask(End::Stable, topic, &[partition], Offset::Offset(time_ms.max(0))).await?;
        Ok(found.into_iter().chain(end).find(|offset| *offset >= 0).unwrap_or(0))
    }

    /// -1 stands for no record at or after the time.
    async fn ask(
        &self,
        end: End,
        topic: Topic,
        partitions: &[i32],
        what: Offset,
    ) -> Result<Vec<i64>, ReadError> {
        let name = topic.full_name(&self.0.clients.kafka().topic_prefix);
        let failed = |reason: String| ReadError::Client {
            topic: name.clone(),
            partition: partitions.first().copied().unwrap_or(-1),
            reason,
        };
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let (mut said, begun) = (false, Instant::now());
        loop {
            // For one try only: a partition that can't answer must not keep the others from asking.
            let Ok(permit) = self.0.questions.acquire().await else {
                return Err(failed("its client is closed".to_owned()));
            };
            let (inner, name, partitions) = (Arc::clone(&self.0), name.clone(), partitions.to_vec());
            let asked = tokio::task::spawn_blocking(move || inner.ask(end, &name, &partitions, what)).await;
            match asked {
                Ok(Ok(offsets)) => return Ok(offsets),
                Ok(Err(error))
                    if is_transient(&error) || (is_unknown(&error) && begun.elapsed() < UNKNOWN_MAX) =>
                {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(
                            topic = topic.name(),
                            "waiting for Kafka to say where the topic ends: {error}"
                        );
                    }
                }
                Ok(Err(error)) => return Err(failed(error.to_string())),
                Err(error) => return Err(failed(error.to_string())),
            }
            drop(permit);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_unknown(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(code, Code::UnknownPartition | Code::UnknownTopic | Code::UnknownTopicOrPartition)
    })
}

impl Inner {
    fn ask(&self, end: End, topic: &str, partitions: &[i32], what: Offset) -> KafkaResult<Vec<i64>> {
        let served = match end {
            End::Stable => &self.stable,
            End::Written => self.written()?,
        };
        let consumer = served.consumer().ok_or(KafkaError::Canceled)?;
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition_offset(topic, *partition, what)?;
        }
        let found = consumer.offsets_for_times(list, ASK)?;
        let mut offsets = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let element = found.find_partition(topic, *partition).ok_or(KafkaError::NoMessageReceived)?;
            element.error()?;
            offsets.push(match element.offset() {
                Offset::Offset(offset) => offset,
                _ => -1,
            });
        }
        Ok(offsets)
    }

    fn written(&self) -> KafkaResult<&Served> {
        if let Some(served) = self.written.get() {
            return Ok(served);
        }
        let served = Served::start(&self.clients.asking("read_uncommitted"), "ends-written")?;
        Ok(self.written.get_or_init(|| served))
    }
}
