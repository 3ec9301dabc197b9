//! The single writer of `subscriptions`: one owner for each partition of `commands`, decided by the consumer group and
//! enforced by transactions that carry the group's generation (KIP-447).

mod partition;
mod takeover;
mod transactor;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aerogram_kafka::{
    Cluster, Companions, ConnectError, Ends, GroupConfig, GroupError, ReadError, TaskEnd, TransactionError,
    TransactionalWriter, run_group,
};
use aerogram_settings::Settings;
use aerogram_telemetry::Condition;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::records::BadRecord;
use transactor::Transactor;

/// Wait before a handler that was refused joins the group again.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// Why the handler or one of its partitions can't go on.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
    #[error("the transactional producer of the command handler cannot be started: {0}")]
    Start(TransactionError),
    /// Another producer, and joining the group again, may help.
    #[error("transactions of the command handler are refused: {0}")]
    Refused(String),
}

/// What the tasks of all partitions share.
#[derive(Clone)]
struct Shared {
    ends: Ends,
    /// Its own, for the table's companions read the same partitions at the same time.
    companions: Companions,
    transactor: Transactor,
    owned: Owned,
}

/// How many partitions are owned, for people to look at, and whether the first is among them: its owner carries out tasks.
#[derive(Clone)]
struct Owned {
    partitions: Arc<AtomicUsize>,
    first: watch::Sender<bool>,
    condition: Condition,
}

/// Runs the handler until shutdown; `owns_first` is told whether this process owns the first partition. A handler whose transactions are refused, because it was stopped for so long that others
/// took over, forgets everything and begins again.
///
/// # Errors
/// When Kafka refuses it for another reason, or a record can't be understood.
pub async fn run(
    cluster: &Cluster,
    settings: &Settings,
    condition: Condition,
    owns_first: watch::Sender<bool>,
    shutdown: CancellationToken,
) -> Result<(), HandlerError> {
    let ends = cluster.ends()?;
    let companions = cluster.companions()?;
    loop {
        let started = tokio::select! {
            started = start_producer(cluster, settings) => started?,
            () = shutdown.cancelled() => return Ok(()),
        };
        let owned =
            Owned { partitions: Arc::default(), first: owns_first.clone(), condition: condition.clone() };
        owned.changed(0);
        let shared = Shared {
            ends: ends.clone(),
            companions: companions.clone(),
            transactor: Transactor::start(started),
            owned,
        };
        let ended =
            Box::pin(run_group(cluster, group(cluster, settings), shutdown.clone(), move |assignment| {
                let shared = shared.clone();
                tokio::spawn(async move {
                    match Box::pin(partition::run(assignment, &shared)).await {
                        Ok(()) => TaskEnd::Stopped,
                        Err(error) => TaskEnd::Failed(Box::new(error)),
                    }
                })
            }))
            .await;
        match ended {
            Ok(()) => return Ok(()),
            Err(error) if was_refused(&error) => {
                tracing::warn!("the command handler begins again: {error}");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn was_refused(error: &GroupError) -> bool {
    let GroupError::Task { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(HandlerError::Refused(_)))
}

fn group(cluster: &Cluster, settings: &Settings) -> GroupConfig {
    GroupConfig {
        group: settings.api.group.clone(),
        topics: vec![cluster.topic(Topic::Commands)],
        external: false,
        drain: drain(settings),
        assigned: None,
    }
}

fn drain(settings: &Settings) -> Duration {
    Duration::from_millis(settings.kafka.max_poll_interval_ms / 3)
}

/// The id is new each time: which partitions a process owns is for the group to fence, not for the id. A transaction
/// must not outlive the drain of its partition, so the broker ends it before.
async fn start_producer(cluster: &Cluster, settings: &Settings) -> Result<TransactionalWriter, HandlerError> {
    let id = format!("{}-{}", settings.api.transactional_id_prefix, Uuid::new_v4());
    let drain_ms = settings.kafka.max_poll_interval_ms / 3;
    let timeout_ms = settings.api.transaction_timeout_ms.min(drain_ms);
    TransactionalWriter::init(cluster, &id, timeout_ms).await.map_err(HandlerError::Start)
}

impl Owned {
    fn changed(&self, partitions: usize) {
        self.condition.set(true, format!("owns {partitions} partitions of commands"));
    }

    /// Counts a partition for as long as the guard lives.
    fn one_more(&self, partition: i32) -> OwnedOne {
        self.changed(self.partitions.fetch_add(1, Ordering::Relaxed) + 1);
        if partition == 0 {
            self.first.send_replace(true);
        }
        OwnedOne(self.clone(), partition)
    }
}

struct OwnedOne(Owned, i32);

impl Drop for OwnedOne {
    fn drop(&mut self) {
        self.0.changed(self.0.partitions.fetch_sub(1, Ordering::Relaxed) - 1);
        if self.1 == 0 {
            self.0.first.send_replace(false);
        }
    }
}
