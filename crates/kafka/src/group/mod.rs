//! The driver of a role: a consumer group whose partitions are handed to tasks, and taken back after they drained.

mod commit;
mod commits;
mod driver;
mod hooks;
mod owned;
mod places;
mod run;
mod stop;

use std::time::Duration;

use aerogram_telemetry::Condition;
use rdkafka::error::KafkaError;

pub use commit::{CommitError, Committer, GroupMetadata};
pub use commits::CommitsInTurn;
pub(crate) use hooks::Hooks;
pub use run::run_group;
pub use stop::{Stop, Stopping};

use crate::reader::PartitionReader;

/// A consumer group that drives a role.
#[derive(Clone)]
pub struct GroupConfig {
    pub group: String,
    /// Full names.
    pub topics: Vec<String>,
    /// Topics of others: without a commit a partition is read from its beginning. For internal topics that is an error.
    pub external: bool,
    /// How long tasks may drain when their partitions are taken; cut to a third of `kafka.max_poll_interval_ms`.
    pub drain: Duration,
    /// Says which partitions this member has. It holds once the group has given it some, or has settled without: with more
    /// members than partitions that is as ready as one can be.
    pub assigned: Option<Condition>,
}

/// A partition given to this process.
pub struct Assignment {
    /// The full name.
    pub topic: String,
    pub partition: i32,
    /// `None` only in a group of external topics.
    pub committed: Option<Committed>,
    /// Starts at the committed offset.
    pub reader: PartitionReader,
    pub committer: Committer,
    pub stop: Stop,
}

/// The last commit of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub offset: i64,
    pub metadata: String,
}

/// How the task of a partition ended.
pub enum TaskEnd {
    /// Drained or abandoned after `Stop` said so.
    Stopped,
    /// The partition can't be processed further. It is not skipped: the other tasks drain and `run_group` returns this.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// Why a group stopped. All of them end the process, so that it starts again.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("consumer group {group} cannot be joined: {source}")]
    Client { group: String, source: KafkaError },
    #[error(
        "consumer group {group} has no committed offset for {topic} partition {partition}. On a first start run \
         `aerogram topics create`; otherwise the offset was lost or expired: find out where the group stood before \
         you run it, because it makes the group read from the beginning"
    )]
    MissingCommit { group: String, topic: String, partition: i32 },
    #[error("the driver of consumer group {group} stopped: {reason}")]
    Driver { group: String, reason: String },
    #[error("{topic} partition {partition} stopped: {source}")]
    Task { topic: String, partition: i32, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the task of {topic} partition {partition} ended without being asked to; this is a bug")]
    Unasked { topic: String, partition: i32 },
    #[error("the task of {topic} partition {partition} panicked: {reason}")]
    Panicked { topic: String, partition: i32, reason: String },
}
