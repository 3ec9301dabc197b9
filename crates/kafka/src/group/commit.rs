//! Commits.
//!
//! rdkafka 0.39 never calls `commit_callback` for an asynchronous commit (it asks librdkafka for events, and librdkafka
//! answers such a commit only through a callback), so each commit is a blocking one of a single partition, whose error
//! is then the answer for that partition. Partitions have a line each, and a thread only while they commit.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use aerogram_telemetry::names;
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::client::Consumer;
use crate::sync::{lock, read};

/// The broker's default of `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;
/// Wait for a rebalance to end.
const REBALANCE_PAUSE: Duration = Duration::from_millis(10);
/// Commits of one partition that wait.
const WAITING_MAX: usize = 32;

/// Why a commit failed. Nothing is lost by it: the work is done again after the last commit that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    #[error("the partition was taken from this process")]
    Revoked,
    #[error("the broker did not answer the commit within the session timeout")]
    TimedOut,
    #[error("{WAITING_MAX} commits of the partition already wait for an answer")]
    Busy,
    #[error("metadata of {0} bytes is more than the {METADATA_BYTES_MAX} bytes the broker accepts")]
    MetadataTooLong(usize),
    #[error("the commit was refused: {0}")]
    Refused(RDKafkaErrorCode),
}

/// What the committers of a group share. The driver takes the consumer away before it closes it, because dropping it
/// blocks.
pub(super) struct Membership {
    pub consumer: RwLock<Option<Arc<Consumer>>>,
    pub answer_timeout: Duration,
    pub runtime: Handle,
}

struct Request {
    offset: i64,
    metadata: String,
    answer: oneshot::Sender<Result<(), CommitError>>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Request>,
    /// Somebody is committing, and will go on with what waits.
    committing: bool,
}

/// The commits of one partition.
pub(super) struct Commits {
    membership: Arc<Membership>,
    topic: String,
    partition: i32,
    revoked: AtomicBool,
    line: Mutex<Line>,
}

impl Commits {
    pub fn new(membership: &Arc<Membership>, topic: &str, partition: i32) -> Arc<Self> {
        let (membership, topic) = (Arc::clone(membership), topic.to_owned());
        Arc::new(Self {
            membership,
            topic,
            partition,
            revoked: AtomicBool::new(false),
            line: Mutex::default(),
        })
    }

    /// From now on nothing is committed.
    pub fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
        // Their senders are dropped, which tells those who wait.
        lock(&self.line).waiting.clear();
    }

    fn join_line(self: &Arc<Self>, request: Request) -> Result<(), CommitError> {
        let mut line = lock(&self.line);
        if self.revoked.load(Ordering::SeqCst) {
            return Err(CommitError::Revoked);
        }
        if line.waiting.len() >= WAITING_MAX {
            return Err(CommitError::Busy);
        }
        line.waiting.push_back(request);
        if !std::mem::replace(&mut line.committing, true) {
            let commits = Arc::clone(self);
            self.membership.runtime.spawn_blocking(move || commits.serve_line());
        }
        Ok(())
    }

    /// One after another, because the order of commits is the order of what they say.
    fn serve_line(&self) {
        loop {
            let request = {
                let mut line = lock(&self.line);
                let Some(request) = line.waiting.pop_front() else {
                    line.committing = false;
                    return;
                };
                request
            };
            let Some(answer) = self.answer(&request) else { continue };
            let outcome = match &answer {
                Ok(()) => "ok",
                Err(error) => {
                    tracing::warn!(topic = self.topic, partition = self.partition, "committing: {error}");
                    "failed"
                }
            };
            metrics::counter!(names::COMMITS_TOTAL, "outcome" => outcome).increment(1);
            let _ = request.answer.send(answer);
        }
    }

    /// `None` when nobody waits for it any more: whoever gave up is not to be surprised later.
    fn answer(&self, request: &Request) -> Option<Result<(), CommitError>> {
        let begun = Instant::now();
        while !request.answer.is_closed() {
            match self.commit(request.offset, &request.metadata) {
                // While a rebalance ends, the broker knows the next generation before this member does. The partition
                // stays ours until the driver says otherwise.
                Err(CommitError::Refused(
                    RDKafkaErrorCode::IllegalGeneration | RDKafkaErrorCode::RebalanceInProgress,
                )) if begun.elapsed() < self.membership.answer_timeout => std::thread::sleep(REBALANCE_PAUSE),
                answer => return Some(answer),
            }
        }
        None
    }

    /// Blocks, in an outage for about a minute.
    fn commit(&self, offset: i64, metadata: &str) -> Result<(), CommitError> {
        let mut offsets = TopicPartitionList::with_capacity(1);
        {
            let mut element = offsets.add_partition(&self.topic, self.partition);
            element.set_offset(Offset::Offset(offset)).map_err(|error| refused(&error))?;
            element.set_metadata(metadata);
        }
        // The driver may take the consumer meanwhile; then it closes here, where blocking is allowed.
        let consumer = read(&self.membership.consumer).clone().ok_or(CommitError::Revoked)?;
        if self.revoked.load(Ordering::SeqCst) {
            return Err(CommitError::Revoked);
        }
        consumer.commit(&offsets, CommitMode::Sync).map_err(|error| {
            tracing::debug!(topic = self.topic, partition = self.partition, offset, "committing: {error}");
            refused(&error)
        })
    }
}

fn refused(error: &KafkaError) -> CommitError {
    CommitError::Refused(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown))
}

/// The membership as brokers check it: group, generation, member.
pub struct GroupMetadata(pub(crate) ConsumerGroupMetadata);

/// Commits offsets of one partition, for as long as this process owns it.
#[derive(Clone)]
pub struct Committer(pub(super) Arc<Commits>);

impl Committer {
    /// Commits `offset` as the next to be read, with at most 4 KiB of `metadata`. The call itself begins it, not the
    /// awaiting of the future, which resolves with the broker's answer, after the session timeout at the latest. Commits
    /// of a partition are made one after another; one whose future is dropped may not be made.
    pub fn commit(
        &self,
        offset: i64,
        metadata: &str,
    ) -> impl Future<Output = Result<(), CommitError>> + Send + 'static + use<> {
        let begun = self.begin(offset, metadata);
        let timeout = self.0.membership.answer_timeout;
        async move {
            match tokio::time::timeout(timeout, begun?).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(CommitError::Revoked),
                Err(_) => {
                    metrics::counter!(names::COMMITS_TOTAL, "outcome" => "timed_out").increment(1);
                    Err(CommitError::TimedOut)
                }
            }
        }
    }

    /// The membership of now, for a transaction; the broker refuses it once a rebalance has ended.
    ///
    /// # Errors
    /// When the partition was taken from this process.
    pub fn group_metadata(&self) -> Result<GroupMetadata, CommitError> {
        let metadata =
            read(&self.0.membership.consumer).as_ref().and_then(|consumer| consumer.group_metadata());
        // Asked after reading the generation: a later one, in which the partition may be another's, begins only after
        // this was set.
        if self.is_revoked() {
            return Err(CommitError::Revoked);
        }
        metadata.map(GroupMetadata).ok_or(CommitError::Revoked)
    }

    /// Whether the partition was taken from this process.
    pub(crate) fn is_revoked(&self) -> bool {
        self.0.revoked.load(Ordering::SeqCst)
    }

    fn begin(
        &self,
        offset: i64,
        metadata: &str,
    ) -> Result<oneshot::Receiver<Result<(), CommitError>>, CommitError> {
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(CommitError::MetadataTooLong(metadata.len()));
        }
        let (answer, answered) = oneshot::channel();
        self.0.join_line(Request { offset, metadata: metadata.to_owned(), answer })?;
        Ok(answered)
    }
}
