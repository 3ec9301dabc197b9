//! Which lines are void because somebody else owns the partition since.

use crate::sabotage::{Rule, removed};

/// The epoch in force in a partition of `attempts`, up to where it was read. Whoever goes on there later goes on with it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Claims {
    /// Offset of the claim in force; `None`: neither a claim nor a line was read.
    pub epoch: Option<i64>,
    /// Of the last claim: a producer's repetition has the same.
    pub nonce: Option<u64>,
}

impl Claims {
    /// A claim was read at this offset.
    pub fn claim(&mut self, offset: i64, nonce: u64) {
        if self.nonce != Some(nonce) {
            *self = Self { epoch: Some(offset), nonce: Some(nonce) };
        }
    }

    /// Lines of this epoch were read; false: they are void, for a later claim precedes them.
    pub fn admits(&mut self, epoch: i64) -> bool {
        // What comes first of a log that retention has shortened says what was in force.
        let admitted = self.epoch.is_none_or(|in_force| epoch >= in_force) || removed(Rule::HistoryEpoch);
        if admitted {
            self.epoch = Some(epoch);
        }
        admitted
    }
}
