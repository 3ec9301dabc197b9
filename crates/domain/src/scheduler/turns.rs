//! The operations on the store, one at a time: apply what was read, mark what was fired, pick what is due, hold what
//! waits for a credit, pick what has one.

use super::codec::{Fired, fired};
use super::{Action, Firing, Partition, Phase, Read};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use crate::store::{Change, Picked, StoreOp};
use aerogram_wire::v1::PendingKind;
use bytes::Bytes;
use std::collections::HashMap;

#[derive(Clone, Copy)]
enum Turn {
    Apply,
    Mark,
    Hold,
    PickDue,
    PickParked,
}

const TURNS: [Turn; 5] = [Turn::Apply, Turn::Mark, Turn::Hold, Turn::PickDue, Turn::PickParked];

impl Partition {
    /// Starts the next store operation, if one is due. They take turns, so that firing goes on while much is read.
    pub(super) fn pump(&mut self, now: Now, out: &mut Vec<Action>) {
        for _ in 0..TURNS.len() {
            if self.store_busy || self.phase != Phase::Running {
                return;
            }
            let turn = TURNS[self.turn % TURNS.len()];
            self.turn += 1;
            match turn {
                Turn::Apply => self.apply(now, out),
                Turn::Mark => self.mark(now, out),
                Turn::Hold => self.hold_back(now, out),
                Turn::PickDue => self.pick_due(now, out),
                Turn::PickParked => self.pick_parked(now, out),
            }
        }
    }

    fn apply(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.buffer.is_empty() && self.seen_end_at_ms.is_none() {
            return;
        }
        let batch = self.next_batch();
        self.applying_upto = batch.last().map_or(self.applied, |record| record.offset);
        let as_of_ms = self.seen_end_at_ms.take();
        self.as_of_ms = as_of_ms.unwrap_or(self.as_of_ms);
        let mut changes = Vec::with_capacity(batch.len());
        for record in batch {
            // One that is written again is no longer on its way: the tombstone between may have been compacted away.
            self.applying_ends.push((record.change.key().clone(), record.ended));
            changes.push(record.change);
        }
        self.forget_marks(&changes);
        let (under, upto) = (self.under(now), self.applying_upto);
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Apply { under, upto, changes, as_of_ms }));
    }

    fn mark(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.to_mark.is_empty() {
            return;
        }
        self.marking = std::mem::take(&mut self.to_mark);
        let (under, keys) = (self.under(now), self.marking.clone());
        self.store_busy = true;
        out.push(Action::Store(StoreOp::MarkFired { under, keys }));
    }

    /// What was fired before these changes says nothing about the entries after them.
    fn forget_marks(&mut self, changes: &[Change]) {
        for key in changes.iter().map(Change::key) {
            // What is on its way to a lane is another entry now, or none.
            self.to_hold.retain(|(held, _)| held != key);
            if let Some(firing) = self.firing.get_mut(key) {
                firing.changed = true;
                let acknowledged = self.to_mark.len();
                self.to_mark.retain(|(marked, _)| marked != key);
                if self.to_mark.len() < acknowledged {
                    self.firing.remove(key);
                }
            }
        }
    }

    fn next_batch(&mut self) -> Vec<Read> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < self.config.apply_batch_max
            && let Some(record) = self.buffer.front()
            && (batch.is_empty() || bytes + record.change.bytes() <= self.config.apply_bytes_max)
        {
            bytes += record.change.bytes();
            batch.extend(self.buffer.pop_front());
        }
        self.buffer_bytes -= bytes;
        batch
    }

    /// Of what may be on its way to `deliveries`: how many records, and how many bytes.
    fn room(&self) -> Option<(usize, usize)> {
        let bytes: usize = self.firing.values().map(|firing| firing.bytes).sum();
        let records = self.config.fire_batch_max.saturating_sub(self.firing.len());
        (records > 0 && bytes < self.config.fire_bytes_max).then_some((records, bytes))
    }

    fn pick_due(&mut self, now: Now, out: &mut Vec<Action>) {
        let may = self.pick_due && !self.draining && self.to_hold.is_empty() && self.pending > 0;
        let Some((_, bytes)) = self.room().filter(|_| may && self.is_ready(now)) else { return };
        self.pick_due = false;
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Pick {
            under: self.under(now),
            // What is being fired is found again, until it is marked.
            limit: self.config.fire_batch_max,
            bytes_max: self.config.fire_bytes_max + bytes,
        }));
    }

    fn pick_parked(&mut self, now: Now, out: &mut Vec<Action>) {
        let may = self.credits_due && !self.draining;
        let Some((records, bytes)) = self.room().filter(|_| may && self.is_ready(now)) else { return };
        self.credits_due = false;
        let mut unmarked: HashMap<&Bytes, usize> = HashMap::new();
        for lane in self.firing.values().filter_map(|firing| firing.lane.as_ref()) {
            *unmarked.entry(lane).or_default() += 1;
        }
        let wants = self.lanes.wants(now, records, |id| unmarked.get(id).copied().unwrap_or(0));
        if wants.is_empty() {
            return;
        }
        self.store_busy = true;
        let bytes_max = self.config.fire_bytes_max + bytes;
        out.push(Action::Store(StoreOp::PickParked { under: self.under(now), wants, bytes_max }));
    }

    fn hold_back(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.to_hold.is_empty() {
            return;
        }
        self.holding = std::mem::take(&mut self.to_hold);
        let (under, keys) = (self.under(now), self.holding.clone());
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Hold { under, keys }));
    }

    pub(super) fn fire_due(&mut self, now: Now, picked: Vec<Picked>, out: &mut Vec<Action>) {
        for picked in picked {
            if self.firing.contains_key(&picked.key) {
                continue;
            }
            // Whatever is in the store was checked when it was read from the log.
            let Ok(fired) = fired(&picked) else { continue };
            // What was parked and stands here is written again after its tombstone, so it does not wait.
            if fired.kind != PendingKind::Parked && self.lanes.is_paced(now, &fired.lane) {
                self.to_hold.push((picked.key, fired.lane));
            } else if self.firing.len() < self.config.fire_batch_max {
                self.fire(picked, fired, None, out);
            }
        }
    }

    pub(super) fn fire_by_credit(&mut self, now: Now, picked: Vec<Picked>, out: &mut Vec<Action>) {
        for picked in picked {
            if self.firing.contains_key(&picked.key) {
                continue;
            }
            let Ok(mut fired) = fired(&picked) else { continue };
            self.lanes.can_take(&fired.lane, fired.window_max);
            let outstanding = self.lanes.credit_of(&picked.key).is_some();
            if !outstanding && !self.lanes.may_fire(now, &fired.lane) {
                continue;
            }
            self.lanes.fired(now, &picked.key, &fired.lane);
            fired.delivery.by_credit = true;
            // No line about a record that was not fired before is older than its firing. Of the others those who parked
            // them said the time, whose clocks may run before ours.
            let since_ms = if picked.entry.first { now.wall_ms } else { picked.entry.due_at_ms };
            fired.delivery.due_at_ms = since_ms.min(now.wall_ms);
            let lane = Some(fired.lane.clone());
            self.fire(picked, fired, lane, out);
        }
    }

    fn fire(&mut self, picked: Picked, fired: Fired, lane: Option<Bytes>, out: &mut Vec<Action>) {
        if removed(Rule::FiredAfterAcknowledgement) {
            self.to_mark.push((picked.key.clone(), lane.clone()));
        }
        let bytes = picked.key.len() + picked.entry.value.len();
        self.firing.insert(picked.key, Firing { changed: false, bytes, lane });
        let due_at_ms = fired.delivery.due_at_ms;
        out.push(Action::Fire { key: fired.key, delivery: Box::new(fired.delivery), due_at_ms });
    }
}
