//! Asking for a change: the command goes to `commands`, its result comes back.

use std::time::{Duration, SystemTime};

use aerogram_domain::commands::partition::CommandId;
use aerogram_kafka::{Cluster, Out, WriteError, Writer};
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::v1::{Command, CommandRecord, CommandResult};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use bytes::Bytes;
use tokio::time::timeout;

use crate::results::{Results, TooManyWaiting};

/// Why there is no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The command was not written.
    #[error(transparent)]
    Busy(#[from] TooManyWaiting),
    /// The command was not written.
    #[error("the command was not written: {0}")]
    NotWritten(WriteError),
    /// It may be written, and may still be carried out.
    #[error("no result came in time")]
    Unknown,
}

/// Writes commands and waits for what becomes of them.
pub struct Submitter {
    cluster: Cluster,
    writer: Writer,
    results: Results,
    patience: Duration,
}

impl Submitter {
    /// `writer` must give up after a time: a command that is carried out long after its sender was told that it is
    /// unknown helps nobody.
    pub fn new(cluster: Cluster, writer: Writer, results: Results, patience: Duration) -> Self {
        Self { cluster, writer, results, patience }
    }

    /// Writes the command and waits for its result.
    ///
    /// # Errors
    /// When it was not written, or it is not known what became of it.
    pub async fn submit(
        &self,
        command_id: CommandId,
        subscription_id: &str,
        command: Command,
    ) -> Result<CommandResult, SubmitError> {
        let waiter = self.results.wait_for(command_id)?;
        let asked = async {
            self.write(command_id, subscription_id, command).await?;
            waiter.result().await.ok_or(SubmitError::Unknown)
        };
        match timeout(self.patience, asked).await {
            Ok(result) => result,
            Err(_) => Err(SubmitError::Unknown),
        }
    }

    async fn write(
        &self,
        command_id: CommandId,
        subscription_id: &str,
        command: Command,
    ) -> Result<(), SubmitError> {
        let record = CommandRecord {
            schema: SCHEMA,
            command_id: Bytes::copy_from_slice(&command_id),
            subscription_id: subscription_id.to_owned(),
            at_ms: now_ms(),
            body: Some(Body::Command(command)),
        };
        let written = self
            .writer
            .write(Out {
                topic: Topic::Commands,
                partition: self.cluster.subscription_partition(subscription_id),
                key: Some(subscription_id.as_bytes()),
                payload: Some(&record.encode_to_vec()),
                headers: &[],
            })
            .await;
        match written {
            Ok(_) => Ok(()),
            Err(WriteError::Expired) => Err(SubmitError::Unknown),
            Err(error) => Err(SubmitError::NotWritten(error)),
        }
    }
}

/// Milliseconds since the Unix epoch; a clock set before it counts as at it.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
