//! What the store answers.

use super::{Action, Partition, Phase, Room};
use crate::clock::Now;
use crate::store::{Payloads, StoreReply, Waiting};

impl Partition {
    /// The answer to the outstanding operation.
    pub fn on_store(&mut self, now: Now, reply: StoreReply, out: &mut Vec<Action>) {
        self.store_busy = false;
        if reply != StoreReply::Full {
            // Done or perhaps done, it is not done again as it is.
            self.forget_marks();
        }
        match reply {
            StoreReply::TakenOver { applied, as_of_ms, lanes, outstanding } => {
                self.applied = applied;
                self.as_of_ms = as_of_ms;
                // What room there is, the next records tell.
                self.room_bytes = u64::MAX;
                self.backlog.room = Room::Enough;
                self.lanes.taken_over(&self.config, now, lanes, outstanding);
                self.phase = Phase::Probing;
                self.probe_is_old = self.probing;
                self.probe(out);
            }
            StoreReply::Applied { pending, payloads, lanes } => {
                self.on_applied(now, pending, payloads, lanes, out);
                if self.lacks_payloads() {
                    return self.prove(true, out);
                }
            }
            // The answer may have taken long, and the position grown stale meanwhile.
            StoreReply::Picked(picked) if self.is_ready(now) && !self.draining => {
                self.fire_due(now, picked, out);
            }
            StoreReply::Parked(picked) if self.is_ready(now) && !self.draining => {
                self.fire_by_credit(now, picked, out);
            }
            StoreReply::Picked(_) | StoreReply::Parked(_) => {}
            StoreReply::Held { lanes } => {
                self.holding.clear();
                self.lanes.waiting(&self.config, now, lanes);
                self.credits_due = true;
            }
            StoreReply::Marked { lanes } => {
                for (key, _) in self.marking.drain(..) {
                    self.firing.remove(&key);
                }
                self.lanes.waiting(&self.config, now, lanes);
            }
            StoreReply::Mismatch | StoreReply::TooOld => {
                self.to_mark.append(&mut self.marking);
                self.applying.clear();
                return self.prove(true, out);
            }
            StoreReply::Full => self.on_full(now, out),
            StoreReply::Down => {
                // Whether it happened is unknown: ask the store where it stands before going on.
                self.to_mark.append(&mut self.marking);
                self.applying.clear();
                self.retry_store_at_ms = now.mono_ms + self.config.store_retry_ms;
                self.phase = Phase::TakingOver;
                self.show(Room::Away, out);
                return;
            }
        }
        self.pump(now, out);
    }

    fn on_applied(
        &mut self,
        now: Now,
        pending: usize,
        payloads: Payloads,
        lanes: Vec<Waiting>,
        out: &mut Vec<Action>,
    ) {
        self.applied = self.applying_upto;
        self.room_bytes = payloads.room_bytes;
        self.lanes.waiting(&self.config, now, lanes);
        for record in std::mem::take(&mut self.applying) {
            let key = record.change.key();
            self.missing.remove(key);
            // One that is written again is no longer on its way: the tombstone between may have been compacted away.
            self.lanes.returned(&self.config, now, key, record.ended);
            self.credits_due = true;
        }
        self.backlog.entries = pending;
        (self.backlog.kept, self.backlog.in_log) = (payloads.kept, payloads.in_log);
        self.show(if payloads.in_log > 0 { Room::Positions } else { Room::Enough }, out);
    }

    /// Nothing was applied. What is there is fired, as long as the position is young enough; reading waits.
    fn on_full(&mut self, now: Now, out: &mut Vec<Action>) {
        for record in std::mem::take(&mut self.applying).into_iter().rev() {
            self.buffer_bytes += record.change.bytes();
            self.buffer.push_front(record);
        }
        self.seen_end_at_ms = self.seen_end_at_ms.or(self.applying_as_of_ms);
        self.retry_store_at_ms = now.mono_ms + self.config.store_retry_ms;
        self.show(Room::Full, out);
    }

    fn show(&mut self, room: Room, out: &mut Vec<Action>) {
        self.backlog.room = room;
        (self.backlog.paced, self.backlog.shut) = self.lanes.counts();
        out.push(Action::Show(self.backlog));
    }
}
