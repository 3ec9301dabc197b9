//! The store in memory: empty at every start, so the log is folded anew.

use crate::{Store, StoreUnfit};
use aerogram_domain::store::{self, StoreOp, StoreReply, StoreState};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// One state per partition, in this process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<HashMap<i32, Option<StoreState>>>);

impl Store for MemoryStore {
    async fn execute(&self, partition: i32, op: StoreOp) -> StoreReply {
        // A panic half-way through an operation leaves at worst what a crash leaves: an owner takes over and refolds.
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store::execute(slots.entry(partition).or_default(), op)
    }

    async fn check(&self) -> Result<(), StoreUnfit> {
        Ok(())
    }
}
