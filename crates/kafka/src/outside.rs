//! How far a group is, as somebody sees it who is no member.

use std::sync::Arc;
use std::time::Duration;

use aerogram_wire::{Layout, Topic};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use crate::client::{Clients, Served, is_transient};
use crate::reader::ReadError;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);
/// Wait before asking again.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks what a group has committed for a topic; it never joins the group nor commits. Clones share one client. A question waits
/// while Kafka can't be reached: put a timeout around it where that matters.
#[derive(Clone)]
pub struct GroupProgress(Arc<Inner>);

struct Inner {
    served: Served,
    group: String,
    topic: String,
    partitions: i32,
    /// One question at a time: each holds a thread.
    turn: Semaphore,
}

impl GroupProgress {
    pub(crate) fn start(clients: &Clients, layout: &Layout, group: &str, topic: Topic) -> KafkaResult<Self> {
        let mut config = clients.asking("read_committed");
        config.set("group.id", group).set("enable.auto.commit", "false");
        Ok(Self(Arc::new(Inner {
            served: Served::start(&config, "group-progress")?,
            group: group.to_owned(),
            topic: topic.full_name(&clients.kafka().topic_prefix),
            partitions: layout.partitions_of(topic),
            turn: Semaphore::new(1),
        })))
    }

    /// The committed offsets, in the order of the partitions: of what stands before, the group is done with everything.
    ///
    /// # Errors
    /// When a partition has none, or they may not be asked for.
    pub async fn committed(&self) -> Result<Vec<i64>, ReadError> {
        let failed =
            |reason: String| ReadError::Client { topic: self.0.topic.clone(), partition: -1, reason };
        loop {
            let Ok(turn) = self.0.turn.acquire().await else {
                return Err(failed("its client is closed".to_owned()));
            };
            let inner = Arc::clone(&self.0);
            match tokio::task::spawn_blocking(move || inner.ask()).await {
                Ok(Ok(offsets)) => return self.all_of(offsets),
                Ok(Err(error)) if is_transient(&error) => {
                    tracing::debug!(group = self.0.group, "asking for committed offsets: {error}");
                }
                Ok(Err(error)) => return Err(failed(error.to_string())),
                Err(error) => return Err(failed(error.to_string())),
            }
            drop(turn);
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn all_of(&self, offsets: Vec<Option<i64>>) -> Result<Vec<i64>, ReadError> {
        let Inner { group, topic, .. } = &*self.0;
        let known = |(partition, offset): (i32, Option<i64>)| {
            offset.ok_or_else(|| ReadError::Client {
                topic: topic.clone(),
                partition,
                reason: format!("group {group} has no committed offset there; run `aerogram topics create`"),
            })
        };
        (0..).zip(offsets).map(known).collect()
    }
}

impl Inner {
    /// Blocks. `None`: there is none.
    fn ask(&self) -> KafkaResult<Vec<Option<i64>>> {
        let consumer = self.served.consumer().ok_or(KafkaError::Canceled)?;
        let mut list = TopicPartitionList::new();
        (0..self.partitions).for_each(|partition| {
            list.add_partition(&self.topic, partition);
        });
        let found = consumer.committed_offsets(list, ASK)?;
        let offset = |partition| {
            let element =
                found.find_partition(&self.topic, partition).ok_or(KafkaError::NoMessageReceived)?;
            element.error()?;
            Ok(match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        };
        (0..self.partitions).map(offset).collect()
    }
}
