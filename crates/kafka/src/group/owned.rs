//! A partition as the driver sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::commit::Membership;
use super::{Assignment, Committed, Committer, Stop, Stopping};
use crate::reader::{PartitionReader, Slot};

/// What is handed to the async side to start a task with.
pub(super) struct Given {
    pub assignment: Assignment,
    /// Set when the task has ended.
    pub ended: Arc<AtomicBool>,
}

/// A partition this process owns.
pub(super) struct Owned {
    slot: Arc<Slot>,
    stop: watch::Sender<Stopping>,
    revoked: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Owned {
    pub fn new(
        membership: &Arc<Membership>,
        topic: String,
        partition: i32,
        committed: Option<Committed>,
        slot: Arc<Slot>,
    ) -> (Self, Given) {
        let (sender, stop) = Stop::channel();
        let revoked = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicBool::new(false));
        let committer = Committer {
            membership: Arc::clone(membership),
            topic: topic.as_str().into(),
            partition,
            revoked: Arc::clone(&revoked),
        };
        let reader = PartitionReader::of_group(topic.clone(), partition, Arc::clone(&slot));
        let assignment = Assignment { topic, partition, committed, reader, committer, stop };
        (Self { slot, stop: sender, revoked, ended: Arc::clone(&ended) }, Given { assignment, ended })
    }

    /// Asks the task to drain; a second deadline never lengthens the first.
    pub fn drain(&self, deadline: tokio::time::Instant) {
        self.stop.send_if_modified(|stopping| {
            let first = *stopping == Stopping::No;
            if first {
                *stopping = Stopping::Drain { deadline };
            }
            first
        });
    }

    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Takes everything away from the task. To be done before the partition is given back to the group.
    pub fn close(self) {
        self.revoked.store(true, Ordering::SeqCst);
        self.stop.send_replace(Stopping::Abandon);
        self.slot.close();
    }
}
