//! Transactions fenced by a group's generation (KIP-447).

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Mutex;

use crate::client::is_transient;
use crate::cluster::Cluster;
use crate::group::{Committer, GroupMetadata};
use crate::writer::{OwnedOut, WriteError, Writer, Written};

/// Wait for a rebalance to end.
const REBALANCE_PAUSE: Duration = Duration::from_millis(20);
/// How long one call into librdkafka may block its thread.
const CALL: Duration = Duration::from_secs(5);
/// How long the start waits for an earlier producer's transaction to end and for Kafka to answer.
const INIT_MAX: Duration = Duration::from_secs(120);

/// Why a transaction failed. Whatever the reason, none of its records is ever seen, except where said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransactionError {
    /// Rewind to the committed offset and do it again.
    #[error("the transaction was aborted: {reason}")]
    Aborted { reason: String },
    /// Give the partitions up. A producer that was replaced stays refused: the process has to start again.
    #[error("this process is no longer the owner: {reason}")]
    Fenced { reason: String },
    /// Nothing more can be done with this producer; when committing was under way it may have been committed.
    #[error("transactions are not possible any more: {reason}")]
    Fatal { reason: String },
}

/// Writes records and offsets together; one per process. One transaction at a time, the others wait.
pub struct TransactionalWriter {
    writer: Writer,
    timeout: Duration,
    one: Arc<Mutex<()>>,
}

impl TransactionalWriter {
    /// Registers the id, which shuts out every earlier producer of that id and aborts its open transaction. The broker
    /// aborts a transaction that stays open for `timeout_ms`.
    ///
    /// # Errors
    /// `Fatal` when Kafka does not answer for two minutes or refuses the id.
    pub async fn init(
        cluster: &Cluster,
        transactional_id: &str,
        timeout_ms: u64,
    ) -> Result<Self, TransactionError> {
        let timeout = Duration::from_millis(timeout_ms);
        let clients = cluster.clients();
        let config = clients.transacting(transactional_id, timeout);
        let writer = Writer::start(&config, "transactions", &clients.kafka().topic_prefix)
            .map_err(|error| TransactionError::Fatal { reason: error.to_string() })?;
        blocking(&writer, INIT_MAX, |writer| writer.producer().init_transactions(CALL)).await?;
        Ok(Self { writer, timeout, one: Arc::default() })
    }

    /// Writes the records and commits the offsets (full topic name, partition, next offset to be read) of the group in
    /// one transaction; returns where the records are. It goes on to its end also when the future is dropped.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub async fn transact(
        &self,
        records: Vec<OwnedOut>,
        offsets: Vec<(String, i32, i64)>,
        group: &Committer,
    ) -> Result<Vec<Written>, TransactionError> {
        let fenced = |error: crate::CommitError| TransactionError::Fenced { reason: error.to_string() };
        let metadata = group.group_metadata().map_err(fenced)?;
        match self.all(records, offsets, metadata).await {
            // While a rebalance ends, the broker knows the next generation before this member does.
            Err(Failure::Generation(reason)) if !group.is_revoked() => {
                tokio::time::sleep(REBALANCE_PAUSE).await;
                Err(TransactionError::Aborted { reason })
            }
            done => done.map_err(TransactionError::from),
        }
    }

    /// As `transact`, as the member the group had when `group` was taken; a generation that ended is refused for good.
    ///
    /// # Errors
    /// See [`TransactionError`].
    pub async fn transact_as(
        &self,
        records: Vec<OwnedOut>,
        offsets: Vec<(String, i32, i64)>,
        group: GroupMetadata,
    ) -> Result<Vec<Written>, TransactionError> {
        self.all(records, offsets, group).await.map_err(TransactionError::from)
    }

    async fn all(
        &self,
        records: Vec<OwnedOut>,
        offsets: Vec<(String, i32, i64)>,
        group: GroupMetadata,
    ) -> Result<Vec<Written>, Failure> {
        let one = Arc::clone(&self.one).lock_owned().await;
        let (writer, timeout) = (self.writer.clone(), self.timeout);
        let all = tokio::spawn(async move {
            let _one = one;
            match Box::pin(run(&writer, timeout, &records, offsets, group)).await {
                Err(failure) => Err(abort(&writer, timeout, failure).await),
                written => written,
            }
        });
        all.await.unwrap_or_else(|error| Err(Failure::Fatal(error.to_string())))
    }
}

/// Why a transaction did not come about.
enum Failure {
    Aborted(String),
    /// The group has moved on.
    Generation(String),
    /// Another producer has the id.
    Replaced(String),
    Fatal(String),
}

impl From<Failure> for TransactionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aborted(reason) => Self::Aborted { reason },
            Failure::Generation(reason) | Failure::Replaced(reason) => Self::Fenced { reason },
            Failure::Fatal(reason) => Self::Fatal { reason },
        }
    }
}

async fn run(
    writer: &Writer,
    timeout: Duration,
    records: &[OwnedOut],
    offsets: Vec<(String, i32, i64)>,
    group: GroupMetadata,
) -> Result<Vec<Written>, Failure> {
    blocking(writer, timeout, |writer| writer.producer().begin_transaction()).await?;
    let mut acks = Vec::with_capacity(records.len());
    for record in records {
        acks.push(enqueue(writer, record).await?);
    }
    // Committing with records on their way takes ten times as long.
    let mut written = Vec::with_capacity(acks.len());
    for ack in acks {
        written.push(ack.await.map_err(|error| Failure::Aborted(error.to_string()))?);
    }
    if !offsets.is_empty() {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (topic, partition, offset) in offsets {
            let added = list.add_partition_offset(&topic, partition, Offset::Offset(offset));
            added.map_err(|error| Failure::Aborted(error.to_string()))?;
        }
        blocking(writer, timeout, move |writer| {
            writer.producer().send_offsets_to_transaction(&list, &group.0, CALL)
        })
        .await?;
    }
    blocking(writer, timeout, |writer| writer.producer().commit_transaction(CALL)).await?;
    Ok(written)
}

async fn enqueue(writer: &Writer, record: &OwnedOut) -> Result<crate::Ack, Failure> {
    loop {
        match record.borrowed(|out| writer.try_enqueue(out)) {
            Ok(ack) => return Ok(ack),
            Err(WriteError::QueueFull) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => return Err(Failure::Aborted(error.to_string())),
        }
    }
}

/// Aborts; returns why, or that it was not possible.
async fn abort(writer: &Writer, timeout: Duration, why: Failure) -> Failure {
    let aborted = match why {
        // There is nothing left to abort.
        Failure::Fatal(_) | Failure::Replaced(_) => return why,
        Failure::Aborted(_) | Failure::Generation(_) => {
            blocking(writer, timeout, |writer| writer.producer().abort_transaction(CALL)).await
        }
    };
    match aborted {
        Ok(()) => why,
        // A producer that was replaced can't even abort; the broker did.
        Err(Failure::Replaced(reason)) => Failure::Replaced(reason),
        Err(error) => {
            let (why, error) = (TransactionError::from(why), TransactionError::from(error));
            Failure::Fatal(format!("{why}; aborting it: {error}"))
        }
    }
}

/// Calls librdkafka on a thread that may block, again while it says that this helps, at most `patience`.
async fn blocking<F>(writer: &Writer, patience: Duration, call: F) -> Result<(), Failure>
where
    F: Fn(&Writer) -> KafkaResult<()> + Send + 'static,
{
    let writer = writer.clone();
    let called = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        loop {
            match call(&writer) {
                Err(error) if retriable(&error) && begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                done => return done,
            }
        }
    });
    match called.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(meaning(&error)),
        Err(error) => Err(Failure::Fatal(error.to_string())),
    }
}

fn retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => {
            error.is_retriable() && !error.txn_requires_abort() && !error.is_fatal()
        }
        error => is_transient(error),
    }
}

/// What an error of librdkafka means for the owner of partitions.
fn meaning(error: &KafkaError) -> Failure {
    use RDKafkaErrorCode as Code;
    let reason = error.to_string();
    match error.rdkafka_error_code() {
        Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch) => Failure::Replaced(reason),
        Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::FencedInstanceId) => {
            Failure::Generation(reason)
        }
        _ => match error {
            KafkaError::Transaction(error) if error.txn_requires_abort() => Failure::Aborted(reason),
            _ => Failure::Fatal(reason),
        },
    }
}
