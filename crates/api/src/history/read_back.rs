//! Reading single records back from where they stand.

use std::time::Duration;

use aerogram_kafka::{Cluster, Companions, ConnectError, From, Item, ReadError, Record};
use aerogram_wire::Topic;
use tokio::sync::{Mutex, MutexGuard, OnceCell, Semaphore, SemaphorePermit};
use tokio::time::{error::Elapsed, timeout};

use crate::records::BadRecord;

/// Reads of one partition that wait or are under way, at most.
const READS_MAX: usize = 16;

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    #[error("the log does not hold it any more")]
    Gone,
    #[error("it could not be read in time")]
    Late,
    #[error("too many of partition {partition} are being read")]
    Busy { partition: i32 },
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
}

impl std::convert::From<ReadError> for NotRead {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::OffsetOutOfRange { .. } => NotRead::Gone,
            error @ ReadError::Client { .. } => NotRead::Read(error),
        }
    }
}

impl std::convert::From<Elapsed> for NotRead {
    fn from(_: Elapsed) -> Self {
        NotRead::Late
    }
}

/// Reads one record of a partition of a topic at a time, with a client of its own: others may follow the topic.
pub struct ReadBack {
    cluster: Cluster,
    topic: Topic,
    client: OnceCell<Companions>,
    /// In the order of the partitions.
    turns: Vec<Turn>,
    patience: Duration,
}

/// One by one: a partition has one reader at a time.
struct Turn {
    room: Semaphore,
    one: Mutex<()>,
}

impl Turn {
    fn new() -> Self {
        Self { room: Semaphore::new(READS_MAX), one: Mutex::default() }
    }

    /// Waits, unless too many do; what is returned is held meanwhile. `None`: they do.
    async fn take(&self) -> Option<(MutexGuard<'_, ()>, SemaphorePermit<'_>)> {
        let room = self.room.try_acquire().ok()?;
        Some((self.one.lock().await, room))
    }
}

impl ReadBack {
    pub fn new(cluster: Cluster, topic: Topic, patience: Duration) -> Self {
        let partitions = cluster.layout().partitions_of(topic);
        let turns = (0..partitions).map(|_| Turn::new()).collect();
        Self { cluster, topic, client: OnceCell::new(), turns, patience }
    }

    /// The record that stands there.
    ///
    /// # Errors
    /// It is gone, or can't be read, or not in time, or too many others of its partition are being read.
    pub async fn record(&self, partition: i32, offset: i64) -> Result<Record, NotRead> {
        timeout(self.patience, self.read(partition, offset)).await?
    }

    async fn read(&self, partition: i32, offset: i64) -> Result<Record, NotRead> {
        // What stands in a partition that is not there any more is not in the log either.
        let turn = usize::try_from(partition).ok().and_then(|index| self.turns.get(index));
        let turn = turn.ok_or(NotRead::Gone)?;
        let _turn = turn.take().await.ok_or(NotRead::Busy { partition })?;
        let client = self.client.get_or_try_init(async || self.cluster.companions()).await?;
        let mut reader = client.read(self.topic, partition, From::Offset(offset)).await?;
        match reader.next().await? {
            Item::Record(record) if record.offset == offset => Ok(record),
            Item::Record(_) | Item::End => Err(NotRead::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn so_many_wait_and_the_next_is_refused() {
        let turn = Arc::new(Turn::new());
        let first = turn.take().await;
        assert!(first.is_some());
        let waiting: Vec<_> = (1..READS_MAX)
            .map(|_| {
                let (turn, (tell, told)) = (Arc::clone(&turn), oneshot::channel());
                tokio::spawn(async move { tell.send(turn.take().await.is_some()).unwrap() });
                told
            })
            .collect();
        while turn.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(turn.take().await.is_none());
        drop(first);
        for told in waiting {
            assert!(told.await.unwrap());
        }
        assert!(turn.take().await.is_some());
    }
}
