//! Writing down what people make of an escalation.

use std::time::Duration;

use aerogram_domain::escalations::Writes;
use aerogram_kafka::{Out, WriteError, Writer};
use aerogram_projection::Row;
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

    /// Writes in order, each acknowledged before the next. Once begun it is finished, also when nobody waits any more: else
    /// something could be sent again of which nothing says so.
    ///
    /// # Errors
    /// When it is not known whether all of it is written. Then it may be asked for again: a run is sent once however often it
    /// stands in `pending`, as long as the deliverer remembers it.
    pub async fn write(&self, row: &Row, writes: Writes) -> Result<(), NotWritten> {
        let (writer, key, partition) = (self.writer.clone(), row.key, row.partition);
        let writing = tokio::spawn(async move {
            if let Some((key, entry)) = &writes.pending {
                let (key, payload) = (key.encode(), entry.encode_to_vec());
                writer.write(out(Topic::Pending, partition, &key, &payload)).await?;
            }
            let (key, payload) = (key.encode(), writes.escalation.encode_to_vec());
            writer.write(out(Topic::Escalations, partition, &key, &payload)).await
        });
        match timeout(self.patience, writing).await {
            Ok(Ok(written)) => Ok(written.map(|_| ())?),
            Ok(Err(_)) | Err(_) => Err(NotWritten::Late),
        }
    }
}

/// Both topics speak of the same subscriptions in the same partitions.
fn out<'a>(topic: Topic, partition: i32, key: &'a [u8], payload: &'a [u8]) -> Out<'a> {
    Out { topic, partition, key: Some(key), payload: Some(payload), headers: &[] }
}
