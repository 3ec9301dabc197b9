//! Commits, and the routing of the broker's answers to who waits for them.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use aerogram_telemetry::names;
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;

use super::Hooks;
use crate::client::Consumer;
use crate::sync::{lock, read};

/// The broker's default of `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;
/// Commits of one partition that wait for an answer.
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

fn refused(error: &KafkaError) -> CommitError {
    CommitError::Refused(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown))
}

struct Waiter {
    offset: i64,
    metadata: String,
    answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Who waits for the answer to a commit.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<(String, i32), VecDeque<Waiter>>>);

impl Waiting {
    /// Sends and gets in line in one step, so that lines are in the order of sending.
    fn join(
        &self,
        topic: &str,
        partition: i32,
        waiter: Waiter,
        send: impl FnOnce() -> Result<(), CommitError>,
    ) -> Result<(), CommitError> {
        let mut all = lock(&self.0);
        let waiting = all.entry((topic.to_owned(), partition)).or_default();
        if waiting.len() >= WAITING_MAX {
            return Err(CommitError::Busy);
        }
        send()?;
        waiting.push_back(waiter);
        Ok(())
    }

    /// The answer goes to the oldest of those who committed the same. One that gave up waiting stays in line, so that
    /// a late answer to it is never taken for the answer to a later one.
    pub fn answered(&self, result: &KafkaResult<()>, offsets: &TopicPartitionList) {
        let mut all = lock(&self.0);
        for element in offsets.elements() {
            let Offset::Offset(offset) = element.offset() else { continue };
            let answer = element.error().and_then(|()| result.clone()).map_err(|error| refused(&error));
            let outcome = if answer.is_ok() { "ok" } else { "refused" };
            metrics::counter!(names::COMMITS_TOTAL, "outcome" => outcome).increment(1);
            let Some(waiting) = all.get_mut(&(element.topic().to_owned(), element.partition())) else {
                continue;
            };
            let metadata = element.metadata();
            let same = |waiter: &Waiter| waiter.offset == offset && waiter.metadata == metadata;
            if let Some(waiter) = waiting.iter().position(same).and_then(|index| waiting.remove(index)) {
                // Whoever gave up waiting does not need it.
                let _ = waiter.answer.send(answer);
            }
        }
    }

    /// Answers everybody of a group that is gone.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// What committers share. The driver takes the consumer away before it closes it, because dropping it blocks.
pub(super) struct Membership {
    pub consumer: RwLock<Option<Arc<Consumer>>>,
    pub hooks: Arc<Hooks>,
    pub answer_timeout: Duration,
}

/// The membership as brokers check it: group, generation, member.
pub struct GroupMetadata(pub(crate) ConsumerGroupMetadata);

/// Commits offsets of one partition, for as long as this process owns it.
#[derive(Clone)]
pub struct Committer {
    pub(super) membership: Arc<Membership>,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) revoked: Arc<AtomicBool>,
}

impl Committer {
    /// Commits `offset` as the next to be read, with at most 4 KiB of `metadata`. It is sent by this call, not by
    /// awaiting the future, which resolves with the broker's answer, after the session timeout at the latest. More than
    /// one outstanding may be applied in another order when brokers change.
    pub fn commit(
        &self,
        offset: i64,
        metadata: &str,
    ) -> impl Future<Output = Result<(), CommitError>> + Send + 'static + use<> {
        let sent = self.send(offset, metadata);
        let timeout = self.membership.answer_timeout;
        async move {
            match tokio::time::timeout(timeout, sent?).await {
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
        let consumer = read(&self.membership.consumer);
        let metadata = consumer.as_ref().and_then(|consumer| consumer.group_metadata());
        // Asked after reading the generation: a later generation, in which the partition may be another's, begins only
        // after this was set.
        if self.revoked.load(Ordering::SeqCst) {
            return Err(CommitError::Revoked);
        }
        metadata.map(GroupMetadata).ok_or(CommitError::Revoked)
    }

    fn send(
        &self,
        offset: i64,
        metadata: &str,
    ) -> Result<oneshot::Receiver<Result<(), CommitError>>, CommitError> {
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(CommitError::MetadataTooLong(metadata.len()));
        }
        let mut offsets = TopicPartitionList::with_capacity(1);
        {
            let mut element = offsets.add_partition(&self.topic, self.partition);
            element.set_offset(Offset::Offset(offset)).map_err(|error| refused(&error))?;
            element.set_metadata(metadata);
        }
        let consumer = read(&self.membership.consumer);
        let consumer = consumer.as_ref().ok_or(CommitError::Revoked)?;
        if self.revoked.load(Ordering::SeqCst) {
            return Err(CommitError::Revoked);
        }
        let (answer, answered) = oneshot::channel();
        let waiter = Waiter { offset, metadata: metadata.to_owned(), answer };
        self.membership.hooks.waiting.join(&self.topic, self.partition, waiter, || {
            consumer.commit(&offsets, CommitMode::Async).map_err(|error| refused(&error))
        })?;
        Ok(answered)
    }
}
