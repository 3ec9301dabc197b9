//! Writing what is to be sent again, many at a time, and how far tasks are.

use std::time::Duration;

use aerogram_kafka::{Ack, Cluster, Out, WriteError, Writer};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Escalation, PendingEntry, Task};
use aerogram_wire::{Message as _, Topic};
use tokio::time::timeout;

use crate::escalations::NotWritten;
use crate::tasks::PARTITION;

/// Writes to `pending`, `escalations` and `tasks`.
pub struct Writing {
    cluster: Cluster,
    writer: Writer,
    patience: Duration,
}

impl Writing {
    /// `writer` must give up after a time: the scheduler and the deliverer count on it for `pending`.
    pub fn new(cluster: Cluster, writer: Writer, patience: Duration) -> Self {
        Self { cluster, writer, patience }
    }

    /// Writes what waits to be sent, each to the partition of its subscription.
    ///
    /// # Errors
    /// When it is not known of all that they are written. Then they may be written again.
    pub async fn send(&self, entries: &[(PendingKey, PendingEntry)]) -> Result<(), NotWritten> {
        let mut acks = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            let subscription_id = entry.delivery.as_ref().map_or("", |delivery| &delivery.subscription_id);
            let partition = self.cluster.subscription_partition(subscription_id);
            acks.push(self.enqueue(Topic::Pending, partition, &key.encode(), &entry.encode_to_vec()).await?);
        }
        self.acknowledged(acks).await
    }

    /// Writes what people made of what was given up; each with the partition of its subscription.
    ///
    /// # Errors
    /// As [`Writing::send`].
    pub async fn resolve(&self, resolutions: &[(i32, RunKey, Escalation)]) -> Result<(), NotWritten> {
        let mut acks = Vec::with_capacity(resolutions.len());
        for (partition, key, escalation) in resolutions {
            let payload = escalation.encode_to_vec();
            acks.push(self.enqueue(Topic::Escalations, *partition, &key.encode(), &payload).await?);
        }
        self.acknowledged(acks).await
    }

    /// Writes how a task stands.
    ///
    /// # Errors
    /// When it is not known to be written.
    pub async fn task(&self, task: &Task) -> Result<(), NotWritten> {
        let ack = self.enqueue(Topic::Tasks, PARTITION, &task.id, &task.encode_to_vec()).await?;
        self.acknowledged(vec![ack]).await
    }

    async fn enqueue(
        &self,
        topic: Topic,
        partition: i32,
        key: &[u8],
        payload: &[u8],
    ) -> Result<Ack, NotWritten> {
        let out = Out { topic, partition, key: Some(key), payload: Some(payload), headers: &[] };
        match timeout(self.patience, self.writer.enqueue(out)).await {
            Ok(enqueued) => Ok(enqueued?),
            Err(_) => Err(NotWritten::Late),
        }
    }

    async fn acknowledged(&self, acks: Vec<Ack>) -> Result<(), NotWritten> {
        let all = async {
            for ack in acks {
                ack.await?;
            }
            Ok::<(), WriteError>(())
        };
        match timeout(self.patience, all).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(NotWritten::Late),
        }
    }
}
