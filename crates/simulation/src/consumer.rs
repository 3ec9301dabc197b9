//! One ownership of a partition by a deliverer: the core, how far each log was read, and what the table said.

use crate::witness::Witness;
use aerogram_domain::deliverer::{Partition, Why};
use aerogram_wire::v1::Subscription;
use std::collections::BTreeMap;
use std::sync::Arc;

/// From one claim to the next.
pub struct Core {
    /// Answers to an earlier core of the same partition are nobody's.
    pub id: u64,
    pub partition: Partition,
    pub attempts_next: i64,
    pub deliveries_next: i64,
    /// The reader said that everything was returned, and nothing came since.
    pub deliveries_end_told: bool,
    pub subscriptions_next: i64,
    /// The end of `subscriptions` asked for before the reading, until it was reached.
    pub subscriptions_end: Option<i64>,
    /// What was read, as the oracle's own witness.
    pub table: BTreeMap<String, Arc<Subscription>>,
    /// What it knows of the notes about receivers.
    pub witness: Witness,
    /// The last record read that says a subscription is not active.
    pub last_off: BTreeMap<String, i64>,
    /// Everything of `subscriptions` below was read, or was known to be gone.
    pub table_next: i64,
}

/// What an owner does with its partition.
pub enum Stage {
    Running(Box<Core>),
    /// The core asked for a new beginning.
    StartingAgain(Why),
}

pub struct Owned {
    pub generation: u64,
    pub stage: Stage,
    /// Since when it is being revoked.
    pub revoking_since_ms: Option<i64>,
}

impl Owned {
    pub fn core(&mut self) -> Option<&mut Core> {
        match &mut self.stage {
            Stage::Running(core) => Some(core),
            Stage::StartingAgain(_) => None,
        }
    }
}
