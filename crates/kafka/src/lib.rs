//! Everything Aerogram does with Kafka: reading partitions, consumer groups with drain, writing, transactions, the
//! layout, and the making of topics.

mod client;
mod cluster;
mod companions;
mod ends;
mod group;
mod layout;
mod outside;
mod reader;
mod record;
mod stand_still;
mod sync;
pub mod topics;
mod transactions;
mod upstream;
mod writer;

pub use cluster::{Cluster, ConnectError};
pub use companions::{Companions, From};
pub use ends::Ends;
pub use group::{
    Assignment, CommitError, CommitsInTurn, Committed, Committer, GroupConfig, GroupError, GroupMetadata,
    Stop, Stopping, TaskEnd, run_group,
};
pub use layout::LayoutError;
pub use outside::GroupProgress;
pub use reader::{PartitionReader, ReadError};
pub use record::{Item, Record};
pub use stand_still::{Failure, Readiness, Unreadable, fail};
pub use transactions::{TransactionError, TransactionalWriter};
pub use upstream::{UpstreamError, UpstreamWriter};
pub use writer::{Ack, Out, OwnedOut, Position, WriteError, Writer, Written};
