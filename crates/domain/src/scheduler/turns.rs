//! The operations on the store, one at a time: apply what was read, mark what was fired, pick what is due.

use super::{Action, Firing, Partition, Phase, fired_record};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use crate::store::{Change, Picked, StoreOp};

#[derive(Clone, Copy)]
enum Turn {
    Apply,
    Mark,
    Pick,
}

const TURNS: [Turn; 3] = [Turn::Apply, Turn::Mark, Turn::Pick];

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
                Turn::Pick => self.pick(now, out),
            }
        }
    }

    fn apply(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.buffer.is_empty() && self.seen_end_at_ms.is_none() {
            return;
        }
        let batch = self.next_batch();
        self.applying_upto = batch.last().map_or(self.applied, |(offset, _)| *offset);
        let as_of_ms = self.seen_end_at_ms.take();
        self.as_of_ms = as_of_ms.unwrap_or(self.as_of_ms);
        let changes: Vec<_> = batch.into_iter().map(|(_, change)| change).collect();
        self.forget_marks(&changes);
        let (guard, age_max_ms, upto) = (self.guard(), self.config.age_max_ms, self.applying_upto);
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Apply {
            guard,
            now_ms: now.wall_ms,
            age_max_ms,
            upto,
            changes,
            as_of_ms,
        }));
    }

    fn mark(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.to_mark.is_empty() {
            return;
        }
        self.marking = std::mem::take(&mut self.to_mark);
        let (guard, age_max_ms, keys) = (self.guard(), self.config.age_max_ms, self.marking.clone());
        self.store_busy = true;
        out.push(Action::Store(StoreOp::MarkFired { guard, now_ms: now.wall_ms, age_max_ms, keys }));
    }

    /// What was fired before these changes says nothing about the entries after them.
    fn forget_marks(&mut self, changes: &[Change]) {
        for Change::Put { key, .. } | Change::Remove { key } in changes {
            if let Some(firing) = self.firing.get_mut(key) {
                firing.changed = true;
                let acknowledged = self.to_mark.len();
                self.to_mark.retain(|marked| marked != key);
                if self.to_mark.len() < acknowledged {
                    self.firing.remove(key);
                }
            }
        }
    }

    fn next_batch(&mut self) -> Vec<(i64, Change)> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < self.config.apply_batch_max
            && let Some((_, change)) = self.buffer.front()
            && (batch.is_empty() || bytes + change.bytes() <= self.config.apply_bytes_max)
        {
            bytes += change.bytes();
            batch.extend(self.buffer.pop_front());
        }
        self.buffer_bytes -= bytes;
        batch
    }

    fn pick(&mut self, now: Now, out: &mut Vec<Action>) {
        let bytes: usize = self.firing.values().map(|firing| firing.bytes).sum();
        let room = self.firing.len() < self.config.fire_batch_max && bytes < self.config.fire_bytes_max;
        if !self.pick_due || self.draining || !room || self.pending == 0 || !self.is_ready(now) {
            return;
        }
        self.pick_due = false;
        self.store_busy = true;
        out.push(Action::Store(StoreOp::Pick {
            guard: self.guard(),
            now_ms: now.wall_ms,
            age_max_ms: self.config.age_max_ms,
            // What is being fired is found again, until it is marked.
            limit: self.config.fire_batch_max,
            bytes_max: self.config.fire_bytes_max + bytes,
        }));
    }

    pub(super) fn fire(&mut self, picked: Vec<Picked>, out: &mut Vec<Action>) {
        for entry in picked {
            if self.firing.len() >= self.config.fire_batch_max || self.firing.contains_key(&entry.key) {
                continue;
            }
            // Whatever is in the store was checked when it was read from the log.
            let Ok((key, delivery)) = fired_record(&entry) else { continue };
            if removed(Rule::FiredAfterAcknowledgement) {
                self.to_mark.push(entry.key.clone());
            }
            let bytes = entry.key.len() + entry.value.len();
            self.firing.insert(entry.key, Firing { changed: false, bytes });
            out.push(Action::Fire { key, delivery: Box::new(delivery), due_at_ms: entry.due_at_ms });
        }
    }
}
