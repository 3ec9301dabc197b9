//! The brokers: logs of every partition, both groups, and writes that arrive late.

use crate::group::Group;
use crate::limits::{COMMANDS_KEPT_MS, PARTITIONS, RETENTION_MS};
use crate::logs::{Compacted, Log};
use aerogram_domain::commands::partition::{Asked, CommandId};
use aerogram_domain::ended::Ended;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{AttemptsRecord, CommandResult, Delivery, Escalation, Subscription};
use bytes::Bytes;
use std::sync::Arc;

/// One record on its way to a topic.
#[derive(Clone, Debug)]
pub enum Write {
    Attempts(AttemptsRecord),
    /// An entry; or a tombstone and how the record ended.
    Pending(PendingKey, Option<Bytes>, Option<Ended>),
    Deliveries(Arc<Delivery>),
    Escalation(RunKey, Box<Escalation>),
    Command(Box<Asked>),
}

impl Write {
    /// Order is kept within a topic and partition.
    pub fn topic(&self) -> u8 {
        match self {
            Write::Attempts(_) => 0,
            Write::Pending(..) => 1,
            Write::Deliveries(_) => 2,
            Write::Escalation(..) => 3,
            Write::Command(_) => 4,
        }
    }
}

/// Partition p of every topic.
#[derive(Default)]
pub struct Partition {
    pub deliveries: Log<Arc<Delivery>>,
    pub attempts: Log<AttemptsRecord>,
    pub pending: Compacted<PendingKey, Bytes>,
    pub subscriptions: Compacted<String, Arc<Subscription>>,
    pub escalations: Log<(RunKey, Escalation)>,
    /// The commands of `commands`; how far their handler has committed; and the results of `commands`.
    pub commands: Log<Asked>,
    pub commands_committed: i64,
    pub results: Log<(CommandId, CommandResult)>,
}

/// A write that its producer no longer knows of.
pub struct Late {
    pub at_ms: i64,
    pub partition: usize,
    pub write: Write,
}

#[derive(Default)]
pub struct Kafka {
    pub partitions: [Partition; PARTITIONS],
    pub deliverers: Group,
    pub schedulers: Group,
    pub late: Vec<Late>,
}

impl Kafka {
    /// The cleaner runs, on some of the log; answers whether results of commands were deleted.
    pub fn clean(&mut self, rng: &mut fastrand::Rng, now_ms: i64) -> bool {
        let partition = &mut self.partitions[rng.usize(..PARTITIONS)];
        let upto = rng.i64(0..=partition.pending.end());
        partition.pending.compact(upto, now_ms, RETENTION_MS);
        let upto = rng.i64(0..=partition.subscriptions.end());
        partition.subscriptions.compact(upto, now_ms, RETENTION_MS);
        partition.results.delete_before(now_ms - COMMANDS_KEPT_MS)
    }
}
