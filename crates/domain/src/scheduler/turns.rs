//! The operations on the store, one at a time: apply what was read, mark what was fired, pick what is due, hold what
//! waits for a credit, pick what has one.

use super::{Action, Partition, Phase, Read, Room};
use crate::clock::Now;
use crate::store::{Change, Keep, StoreOp};
use bytes::Bytes;
use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq, Eq)]
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

    /// The next turn is that of what is due.
    pub(super) fn due_is_next(&mut self) {
        self.turn = TURNS.iter().position(|turn| *turn == Turn::PickDue).unwrap_or(0);
    }

    fn apply(&mut self, now: Now, out: &mut Vec<Action>) {
        let nothing = self.buffer.is_empty() && self.seen_end_at_ms.is_none();
        let must_wait = self.backlog.room == Room::Full && now.mono_ms < self.retry_store_at_ms;
        if nothing || must_wait {
            return;
        }
        self.applying = self.next_batch();
        self.applying_upto = self.applying.last().map_or(self.applied, |record| record.offset);
        let as_of_ms = self.seen_end_at_ms.take();
        self.applying_as_of_ms = as_of_ms;
        self.as_of_ms = as_of_ms.unwrap_or(self.as_of_ms);
        let mut room_bytes = self.room_bytes;
        let sent = |record: &Read| within(&mut room_bytes, record.change.clone());
        let changes = self.applying.iter().map(sent).collect();
        let keep = Keep {
            bytes_max: self.config.payload_bytes_max,
            high_water_percent: self.config.high_water_percent,
            drop_max: self.config.drop_batch_max,
        };
        let (under, upto) = (self.under(now), self.applying_upto);
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Apply { under, upto, changes, as_of_ms, keep }));
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

    fn pick_due(&mut self, now: Now, out: &mut Vec<Action>) {
        let may = self.pick_due && !self.draining && self.to_hold.is_empty() && self.backlog.entries > 0;
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
        let may = self.credits_due && !self.draining && self.reading_back.is_none();
        let Some((records, bytes)) = self.room().filter(|_| may && self.is_ready(now)) else { return };
        self.credits_due = false;
        // The store gives these out again, before the others.
        let mut unmarked: HashMap<&Bytes, usize> = HashMap::new();
        let missing = self.missing.values().filter_map(|missing| missing.lane.as_ref());
        for lane in self.firing.values().filter_map(|firing| firing.lane.as_ref()).chain(missing) {
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
}

/// What the store would not keep anyway is not sent to it.
fn within(room_bytes: &mut u64, mut change: Change) -> Change {
    if let Change::Put { entry, .. } = &mut change {
        let bytes = entry.payload.bytes() as u64;
        match bytes <= *room_bytes {
            true => *room_bytes -= bytes,
            false => entry.payload = entry.payload.in_log(),
        }
    }
    change
}
