//! From what was picked to what is on its way to `deliveries`.

use super::codec::{Fired, fired};
use super::read_back::ReadingBack;
use super::{Action, Partition};
use crate::clock::Now;
use crate::ended::Ended;
use crate::sabotage::{Rule, removed};
use crate::store::{Payload, Picked};
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::PendingKind;
use bytes::Bytes;
use std::collections::HashSet;

/// An entry on its way to `deliveries`.
pub(super) struct Firing {
    /// Another record of the key was applied since, so that this firing marks nothing.
    pub changed: bool,
    /// Of its key and value.
    pub bytes: usize,
    /// By a credit of this lane.
    pub lane: Option<Bytes>,
}

impl Partition {
    /// Of what may be on its way to `deliveries`, or to be read for it: how many records, and how many bytes there are.
    pub(super) fn room(&self) -> Option<(usize, usize)> {
        let read_bytes = self.reading_back.as_ref().map_or(0, ReadingBack::bytes);
        let bytes = self.firing.values().map(|firing| firing.bytes).sum::<usize>() + read_bytes;
        let records = self.config.fire_batch_max.saturating_sub(self.firing.len() + self.read_back_count());
        (records > 0 && bytes < self.config.fire_bytes_max).then_some((records, bytes))
    }

    fn read_back_count(&self) -> usize {
        self.reading_back.as_ref().map_or(0, ReadingBack::len)
    }

    /// What was picked because it is due.
    pub(super) fn fire_due(&mut self, now: Now, mut picked: Vec<Picked>, out: &mut Vec<Action>) {
        picked.retain(|picked| self.is_new(&picked.key));
        let is_here = |picked: &Picked| matches!(picked.entry.payload, Payload::Here(_));
        let (here, in_log): (Vec<_>, Vec<_>) = picked.into_iter().partition(is_here);
        for picked in here {
            let Some(fired) = fired(&picked) else { continue };
            // What was parked and stands here is written again after its tombstone, so it does not wait; nor does a test event.
            let waits = fired.kind != PendingKind::Parked && !fired.delivery.once;
            if waits && self.lanes.is_paced(now, &fired.lane) {
                self.to_hold.push((picked.key, fired.lane));
            } else if self.firing.len() + self.read_back_count() < self.config.fire_batch_max {
                self.fire(picked, fired, None, out);
            }
        }
        self.read_back(in_log, false, out);
    }

    /// What was picked by the credits of its lanes.
    pub(super) fn fire_by_credit(&mut self, now: Now, mut picked: Vec<Picked>, out: &mut Vec<Action>) {
        picked.retain(|picked| self.is_new(&picked.key));
        // A lane stays in order: who comes after one that has to be read waits for it.
        let in_log = picked.iter().filter(|picked| matches!(picked.entry.payload, Payload::InLog { .. }));
        let incomplete: HashSet<_> = in_log.filter_map(|picked| picked.entry.lane.clone()).collect();
        let is_whole =
            |picked: &Picked| picked.entry.lane.as_ref().is_none_or(|lane| !incomplete.contains(lane));
        let (whole, rest): (Vec<_>, Vec<_>) = picked.into_iter().partition(is_whole);
        for picked in whole {
            self.fire_one_by_credit(now, picked, out);
        }
        self.read_back(rest, true, out);
    }

    fn is_new(&self, key: &Bytes) -> bool {
        !self.firing.contains_key(key) && !self.missing.contains_key(key)
    }

    fn fire_one_by_credit(&mut self, now: Now, picked: Picked, out: &mut Vec<Action>) {
        let Some(mut fired) = fired(&picked) else { return };
        self.lanes.can_take(&fired.lane, fired.window_max);
        let outstanding = self.lanes.credit_of(&picked.key).is_some();
        if !outstanding && !self.lanes.may_fire(now, &fired.lane) {
            return;
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

    fn fire(&mut self, picked: Picked, fired: Fired, lane: Option<Bytes>, out: &mut Vec<Action>) {
        if removed(Rule::FiredAfterAcknowledgement) {
            self.to_mark.push((picked.key.clone(), lane.clone()));
        }
        let bytes = picked.key.len() + picked.entry.payload.bytes();
        self.firing.insert(picked.key, Firing { changed: false, bytes, lane });
        let due_at_ms = fired.delivery.due_at_ms;
        out.push(Action::Fire { key: fired.key, delivery: Box::new(fired.delivery), due_at_ms });
    }

    /// The record in `deliveries` was acknowledged, or expired on the way.
    pub fn on_fired(&mut self, now: Now, key: &PendingKey, acknowledged: bool, out: &mut Vec<Action>) {
        let key = key.encode();
        match self.firing.get(&key) {
            Some(Firing { changed: false, lane, .. }) if acknowledged => {
                self.to_mark.push((key, lane.clone()));
            }
            // Chosen again: if it was appended after all, the deliverer drops the copy.
            _ => {
                self.firing.remove(&key);
                if !acknowledged {
                    self.lanes.returned(&self.config, now, &key, Ended::default());
                }
            }
        }
        self.pump(now, out);
    }

    /// What was fired before the records that were just given to the store says nothing about the entries after them.
    pub(super) fn forget_marks(&mut self) {
        for record in &self.applying {
            let key = record.change.key();
            // What is on its way to a lane is another entry now, or none.
            self.to_hold.retain(|(held, _)| held != key);
            if let Some(reading) = &mut self.reading_back {
                reading.forget(key);
            }
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
}
