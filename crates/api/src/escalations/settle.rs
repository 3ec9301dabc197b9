//! Writing down what people make of an escalation.

use std::time::Duration;

use aerogram_kafka::{Out, WriteError, Writer};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Escalation, PendingEntry};
use aerogram_wire::{Message as _, Topic};
use tokio::time::timeout;

/// It is not known to be written down.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotWritten {
    /// It may or may not take effect.
    #[error("it was not acknowledged in time")]
    Late,
    #[error(transparent)]
    Refused(#[from] WriteError),
}

/// Writes to `pending` and `escalations`.
pub struct Settling {
    writer: Writer,
    patience: Duration,
}

impl Settling {
    /// `writer` must give up after a time: the scheduler and the deliverer count on it for `pending`.
    pub fn new(writer: Writer, patience: Duration) -> Self {
        Self { writer, patience }
    }

    /// Writes what people made of it, under the key of the run that was given up.
    ///
    /// # Errors
    /// When it is not known to be written.
    pub async fn resolve(
        &self,
        partition: i32,
        key: RunKey,
        escalation: &Escalation,
    ) -> Result<(), NotWritten> {
        self.write(Topic::Escalations, partition, &key.encode(), &escalation.encode_to_vec()).await
    }

    /// Writes what waits to be sent again.
    ///
    /// # Errors
    /// When it is not known to be written. Then it may be asked for again: it is the same entry.
    pub async fn send(
        &self,
        partition: i32,
        key: PendingKey,
        entry: &PendingEntry,
    ) -> Result<(), NotWritten> {
        self.write(Topic::Pending, partition, &key.encode(), &entry.encode_to_vec()).await
    }

    async fn write(
        &self,
        topic: Topic,
        partition: i32,
        key: &[u8],
        payload: &[u8],
    ) -> Result<(), NotWritten> {
        match timeout(self.patience, self.writer.write(out(topic, partition, key, payload))).await {
            Ok(written) => Ok(written.map(|_| ())?),
            Err(_) => Err(NotWritten::Late),
        }
    }
}

/// Both topics speak of the same subscriptions in the same partitions.
fn out<'a>(topic: Topic, partition: i32, key: &'a [u8], payload: &'a [u8]) -> Out<'a> {
    Out { topic, partition, key: Some(key), payload: Some(payload), headers: &[] }
}
