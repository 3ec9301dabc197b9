//! Becoming the owner: the group says so, the store is taken over, and the end is asked for that must be reached first.

use super::{Action, Partition, Phase};
use crate::clock::Now;
use crate::store::StoreOp;

impl Partition {
    /// The first action of an owner.
    pub fn start(&mut self, out: &mut Vec<Action>) {
        self.prove(false, out);
    }

    pub(super) fn prove(&mut self, reset: bool, out: &mut Vec<Action>) {
        self.phase = Phase::Proving { reset };
        self.store_busy = false;
        out.push(Action::Prove);
    }

    /// Whether a commit succeeded: only the group's present member can.
    pub fn on_proved(&mut self, now: Now, ours: bool, out: &mut Vec<Action>) {
        let Phase::Proving { reset } = self.phase else { return };
        if !ours {
            self.phase = Phase::Lost;
            return;
        }
        self.phase = Phase::TakingOver;
        self.take_over(now, reset, out);
    }

    pub(super) fn take_over(&mut self, now: Now, reset: bool, out: &mut Vec<Action>) {
        self.buffer.clear();
        self.buffer_bytes = 0;
        self.to_hold.clear();
        self.holding.clear();
        self.reading_back = None;
        self.due_passed_over = false;
        self.missing.clear();
        self.store_busy = true;
        out.push(Action::Store(StoreOp::TakeOver {
            owner: self.owner,
            layout_id: self.layout_id.clone(),
            now_ms: now.wall_ms,
            age_max_ms: self.config.age_max_ms,
            reset,
        }));
    }

    pub(super) fn probe(&mut self, out: &mut Vec<Action>) {
        if !self.probing {
            self.probing = true;
            self.missing_is_asked_for();
            out.push(Action::ProbeEnd);
        }
    }
}
