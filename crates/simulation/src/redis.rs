//! The modelled Redis: one store a partition; it is wiped, rolled back, full, or does not answer.

use crate::limits::PARTITIONS;
use aerogram_domain::store::{Change, StoreOp, StoreReply, StoreState, execute};

type Stores = [Option<StoreState>; PARTITIONS];

#[derive(Default)]
pub struct Redis {
    stores: Stores,
    snapshots: Vec<Stores>,
    pub down: bool,
    /// Of payloads it keeps so many for each partition...
    pub payload_bytes_max: u64,
    /// ...unless others take its memory...
    crowded: bool,
    /// ...so much that there is no room for positions either.
    full: bool,
    /// It loses nothing. Where it does, that heals much of what a scheduler may do wrong.
    pub keeps: bool,
    /// Operations their callers gave up on, which may still happen.
    forgotten: Vec<(usize, StoreOp)>,
}

impl Redis {
    pub fn call(&mut self, rng: &mut fastrand::Rng, calm: bool, partition: usize, op: StoreOp) -> StoreReply {
        if self.down {
            return StoreReply::Down;
        }
        match rng.u32(..100) {
            0 if !calm => {
                self.execute(partition, op);
                StoreReply::Down
            }
            1 if !calm => {
                self.forgotten.push((partition, op));
                StoreReply::Down
            }
            _ => self.execute(partition, op),
        }
    }

    fn execute(&mut self, partition: usize, mut op: StoreOp) -> StoreReply {
        if let StoreOp::Apply { changes, keep, .. } = &mut op {
            if self.crowded {
                keep.bytes_max = 0;
            }
            if self.full && changes.iter().any(|change| matches!(change, Change::Put { .. })) {
                return StoreReply::Full;
            }
        }
        execute(&mut self.stores[partition], op)
    }

    /// Others take memory, or give it back; where there is room for all, for all of them.
    pub fn squeeze(&mut self, rng: &mut fastrand::Rng) {
        if self.payload_bytes_max == u64::MAX {
            return;
        }
        self.crowded = rng.bool();
        self.full = rng.u32(..8) == 0;
    }

    /// There is room again.
    pub fn relieve(&mut self) {
        (self.crowded, self.full) = (false, false);
    }

    /// One of the operations that nobody waits for any more is carried out.
    pub fn straggle(&mut self) {
        if !self.down
            && let Some((partition, op)) = self.forgotten.pop()
        {
            self.execute(partition, op);
        }
    }

    pub fn wipe(&mut self) {
        if !self.keeps {
            self.stores = Stores::default();
        }
    }

    pub fn snapshot(&mut self) {
        self.snapshots.push(self.stores.clone());
        if self.snapshots.len() > 3 {
            self.snapshots.remove(0);
        }
    }

    pub fn roll_back(&mut self, rng: &mut fastrand::Rng) {
        if let Some(snapshot) = rng.choice(&self.snapshots)
            && !self.keeps
        {
            self.stores.clone_from(snapshot);
        }
    }

    /// Whether the store of a partition is there and holds nothing.
    pub fn is_empty(&self, partition: usize) -> bool {
        self.stores[partition].as_ref().is_some_and(StoreState::is_empty)
    }

    pub fn entries(&self, partition: usize) -> usize {
        self.stores[partition].as_ref().map_or(0, StoreState::len)
    }
}
