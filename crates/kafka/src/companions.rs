//! Partitions read by hand beside a group's.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_wire::Topic;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{Clients, Served};
use crate::ends::Ends;
use crate::reader::{PartitionReader, ReadError, Slot, Unassign};
use crate::sync::lock;

/// How long the question for leaders may take; reading begins without the answer as well.
const ASK: Duration = Duration::from_secs(2);

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Beginning,
    /// This offset, which must exist or be the end.
    Offset(i64),
    /// The first record at or after this broker time, in milliseconds since 1970; the end if there is none.
    Time(i64),
}

/// Reads partitions by hand, read committed, each by one reader at a time. Clones share one consumer.
#[derive(Clone)]
pub struct Companions(Arc<Inner>);

struct Inner {
    served: Served,
    prefix: String,
    ends: Ends,
    known: Mutex<HashSet<Topic>>,
    read: Mutex<HashSet<(String, i32)>>,
}

impl Companions {
    pub(crate) fn start(clients: &Clients, ends: Ends) -> KafkaResult<Self> {
        let served = Served::start(&clients.reading(), "companions")?;
        let prefix = clients.kafka().topic_prefix.clone();
        Ok(Self(Arc::new(Inner { served, prefix, ends, known: Mutex::default(), read: Mutex::default() })))
    }

    /// Begins to read a partition. With `From::Time` it waits while Kafka can't be reached. An offset that does not
    /// exist is reported when reading.
    ///
    /// # Errors
    /// When the partition is being read already, or does not exist.
    pub async fn read(&self, topic: Topic, partition: i32, from: From) -> Result<PartitionReader, ReadError> {
        let from = match from {
            From::Beginning => Offset::Beginning,
            From::Offset(offset) => Offset::Offset(offset),
            From::Time(time_ms) => Offset::Offset(self.0.ends.at_time(topic, partition, time_ms).await?),
        };
        let name = topic.full_name(&self.0.prefix);
        self.learn(topic, &name).await;
        self.begin(name, partition, from)
    }

    /// Without knowing the leader, the first look for an offset fails, and the next comes half a second later.
    async fn learn(&self, topic: Topic, name: &str) {
        if lock(&self.0.known).contains(&topic) {
            return;
        }
        let (inner, name) = (Arc::clone(&self.0), name.to_owned());
        let learnt = tokio::task::spawn_blocking(move || {
            inner.served.consumer().is_some_and(|consumer| consumer.fetch_metadata(Some(&name), ASK).is_ok())
        });
        if matches!(learnt.await, Ok(true)) {
            lock(&self.0.known).insert(topic);
        }
    }

    fn begin(&self, topic: String, partition: i32, from: Offset) -> Result<PartitionReader, ReadError> {
        let failed = |reason: String| ReadError::Client { topic: topic.clone(), partition, reason };
        let Some(consumer) = self.0.served.consumer() else {
            return Err(failed("its client is closed".to_owned()));
        };
        // Held over the change, so that a reader that is just being dropped has given the partition back.
        let mut read = lock(&self.0.read);
        if !read.insert((topic.clone(), partition)) {
            return Err(failed("it is being read already".to_owned()));
        }
        let position = if let Offset::Offset(offset) = from { offset } else { 0 };
        let begun = Slot::split(consumer, &topic, partition, position).and_then(|slot| {
            let mut list = TopicPartitionList::with_capacity(1);
            list.add_partition_offset(&topic, partition, from)
                .and_then(|()| consumer.incremental_assign(&list))
                .map_err(|error| failed(error.to_string()))?;
            Ok(slot)
        });
        match begun {
            Ok(slot) => {
                let owner: Arc<dyn Unassign> = Arc::<Inner>::clone(&self.0);
                Ok(PartitionReader::of_companion(topic, partition, slot, owner))
            }
            Err(error) => {
                read.remove(&(topic, partition));
                Err(error)
            }
        }
    }
}

impl Unassign for Inner {
    fn unassign(&self, topic: &str, partition: i32, slot: &Slot) {
        let mut read = lock(&self.read);
        slot.close();
        if let Some(consumer) = self.served.consumer() {
            let mut list = TopicPartitionList::with_capacity(1);
            list.add_partition(topic, partition);
            if let Err(error) = consumer.incremental_unassign(&list) {
                tracing::warn!(topic, partition, "ending a read: {error}");
            }
        }
        read.remove(&(topic.to_owned(), partition));
    }
}
