//! A partition as the driver sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::commit::{Commits, Membership};
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
    commits: Arc<Commits>,
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
        let ended = Arc::new(AtomicBool::new(false));
        let commits = Commits::new(membership, &topic, partition);
        let committer = Committer(Arc::clone(&commits));
        let reader = PartitionReader::of_group(topic.clone(), partition, Arc::clone(&slot));
        let assignment = Assignment { topic, partition, committed, reader, committer, stop };
        (Self { slot, stop: sender, commits, ended: Arc::clone(&ended) }, Given { assignment, ended })
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
        self.commits.revoke();
        self.stop.send_replace(Stopping::Abandon);
        self.slot.close();
    }
}
