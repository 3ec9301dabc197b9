//! Transactions fenced by a group's generation (KIP-447).

use crate::cluster::Cluster;
use crate::group::Committer;
use crate::writer::{OwnedOut, Written};

#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// Rewind to the committed offset and do it again.
    #[error("the transaction was aborted: {reason}")]
    Aborted { reason: String },
    /// Give the partitions up.
    #[error("this process is no longer the owner: {reason}")]
    Fenced { reason: String },
    #[error("transactions are not possible: {reason}")]
    Fatal { reason: String },
}

pub struct TransactionalWriter {}

impl TransactionalWriter {
    pub async fn init(_cluster: &Cluster, _transactional_id: &str, _timeout_ms: u64) -> Result<Self, TransactionError> { unimplemented!() }
    /// Offsets are (full topic name, partition, next offset).
    pub async fn transact(&self, _records: Vec<OwnedOut>, _offsets: Vec<(String, i32, i64)>, _group: &Committer) -> Result<Vec<Written>, TransactionError> { unimplemented!() }
}
