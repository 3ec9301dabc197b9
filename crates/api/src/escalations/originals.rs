//! Reading records of `escalations` back from where they stand.

use std::time::Duration;

use aerogram_kafka::{Cluster, Companions, ConnectError, From, Item, ReadError};
use aerogram_projection::Row;
use aerogram_wire::Topic;
use aerogram_wire::v1::Escalation;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{error::Elapsed, timeout};

use crate::records::{self, BadRecord};

/// Why there is no original.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    #[error("the log does not hold it any more")]
    Gone,
    #[error("it could not be read in time")]
    Late,
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

/// Reads one record at a time, with a client of its own: the other one follows these partitions.
pub struct Originals {
    cluster: Cluster,
    client: OnceCell<Companions>,
    /// One by one: a partition has one reader at a time.
    turn: Mutex<()>,
    patience: Duration,
}

impl Originals {
    pub fn new(cluster: Cluster, patience: Duration) -> Self {
        Self { cluster, client: OnceCell::new(), turn: Mutex::new(()), patience }
    }

    /// The record that the row was made of.
    ///
    /// # Errors
    /// It is gone, or can't be read, or not in time.
    pub async fn of(&self, row: &Row) -> Result<Escalation, NotRead> {
        timeout(self.patience, self.read(row)).await?
    }

    async fn read(&self, row: &Row) -> Result<Escalation, NotRead> {
        let _turn = self.turn.lock().await;
        let client = self.client.get_or_try_init(async || self.cluster.companions()).await?;
        let mut reader = client.read(Topic::Escalations, row.partition, From::Offset(row.offset)).await?;
        match reader.next().await? {
            Item::Record(record) if record.offset == row.offset => {
                Ok(records::original(row.partition, &record)?)
            }
            Item::Record(_) | Item::End => Err(NotRead::Gone),
        }
    }
}
