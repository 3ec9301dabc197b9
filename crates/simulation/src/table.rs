//! `subscriptions` as some reader has it: fanout, or api. It may be behind.

use crate::limits::PARTITIONS;
use crate::surroundings::Surroundings;
use aerogram_wire::v1::Subscription;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Table {
    /// Partition and state, by id.
    pub states: BTreeMap<String, (usize, Arc<Subscription>)>,
    next: [i64; PARTITIONS],
}

impl Table {
    /// Reads on, not always to the end.
    pub fn read(&mut self, world: &mut Surroundings) {
        for (partition, next) in self.next.iter_mut().enumerate() {
            while let Some(stored) = world.kafka.partitions[partition].subscriptions.next_from(*next) {
                if world.rng.u32(..4) == 0 {
                    break;
                }
                *next = stored.offset + 1;
                if let Some(state) = &stored.value {
                    self.states.insert(state.id.clone(), (partition, state.clone()));
                }
            }
        }
    }

    /// The offset of the last record that was read.
    pub fn position(&self, partition: usize) -> i64 {
        self.next[partition] - 1
    }
}
