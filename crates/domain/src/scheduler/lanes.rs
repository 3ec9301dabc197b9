//! Credits: how parked work flows back to a receiver, one lane a subscription. Rule 13 of the protocol.
//!
//! At most the window of a lane is outstanding: fired by credit, and without a tombstone. While the lane is shut the
//! window is one probe, at growing intervals; each window that succeeded doubles it, a failure halves it. What ends without
//! an attempt, as after the subscription was deleted, asks nothing of the receiver: then the lane empties at its limit.

mod lane;

use super::Config;
use crate::clock::Now;
use crate::ended::Ended;
use crate::store::Waiting;
use aerogram_wire::v1::LineKind;
use bytes::Bytes;
use lane::Lane;
use std::collections::{HashMap, VecDeque};

/// A lane as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneShown {
    pub subscription_id: String,
    /// Deliveries that wait in it.
    pub waiting: usize,
    /// Fired by credit, and not ended yet.
    pub outstanding: usize,
    /// Outstanding at most.
    pub window: usize,
    /// Its receiver fails, and gets nothing but probes.
    pub shut: bool,
    /// Of a shut one, in how many milliseconds the next probe is fired; 0: now, or when the last one has ended.
    pub next_probe_ms: Option<i64>,
}

/// The lanes of a partition in which something waits, or that are shut.
#[derive(Default)]
pub(super) struct Lanes {
    by_id: HashMap<Bytes, Lane>,
    /// Fired by credit and without a tombstone, and of which lane: a set, for a key may be fired again.
    outstanding: HashMap<Bytes, Bytes>,
    /// In whose turn they are asked.
    turns: VecDeque<Bytes>,
}

impl Lanes {
    /// What the store knew at the takeover. Every lane begins with a probe.
    pub fn taken_over(
        &mut self,
        config: &Config,
        now: Now,
        lanes: Vec<Waiting>,
        outstanding: Vec<(Bytes, Bytes)>,
    ) {
        *self = Self::default();
        self.waiting(config, now, lanes);
        for (key, lane) in outstanding {
            self.lane(config, now, &lane);
            self.fired(now, &key, &lane);
        }
    }

    /// So many wait in these.
    pub fn waiting(&mut self, config: &Config, now: Now, lanes: Vec<Waiting>) {
        for (id, waiting) in lanes {
            if waiting > 0 || self.by_id.contains_key(&id) {
                self.lane(config, now, &id).waiting = waiting;
            }
        }
    }

    fn lane(&mut self, config: &Config, now: Now, id: &Bytes) -> &mut Lane {
        if !self.by_id.contains_key(id) {
            self.turns.push_back(id.clone());
        }
        self.by_id.entry(id.clone()).or_insert_with(|| Lane::new(config, now))
    }

    /// Whether what is due for it waits for a credit.
    pub fn is_paced(&self, now: Now, id: &Bytes) -> bool {
        self.by_id.get(id).is_some_and(|lane| !lane.is_done(now))
    }

    /// What its receiver can take at once when it is well.
    pub fn can_take(&mut self, id: &Bytes, window_max: usize) {
        if let Some(lane) = self.by_id.get_mut(id).filter(|_| window_max > 0) {
            lane.window_max = window_max;
        }
    }

    /// Whose turn it is, and how many of each are to be fired, `room` together. Of those picked before and not yet marked,
    /// which the store gives out again, `unmarked` says how many there are in a lane.
    pub fn wants(&mut self, now: Now, room: usize, unmarked: impl Fn(&Bytes) -> usize) -> Vec<Waiting> {
        let (mut wants, mut room) = (Vec::new(), room);
        for _ in 0..self.turns.len() {
            let Some(id) = self.turns.front().cloned() else { break };
            let Some(lane) = self.by_id.get(&id).filter(|lane| !lane.is_done(now)) else {
                self.by_id.remove(&id);
                self.turns.pop_front();
                continue;
            };
            if room == 0 {
                break;
            }
            self.turns.rotate_left(1);
            let unmarked = unmarked(&id);
            let n = lane.credits(now).min(lane.waiting.saturating_sub(unmarked)).min(room);
            if n > 0 {
                room -= n;
                wants.push((id, n + unmarked));
            }
        }
        wants
    }

    /// Whether one more may be fired.
    pub fn may_fire(&self, now: Now, id: &Bytes) -> bool {
        self.by_id.get(id).is_some_and(|lane| lane.credits(now) > 0)
    }

    /// One is on its way.
    pub fn fired(&mut self, now: Now, key: &Bytes, id: &Bytes) {
        if let Some(lane) = self.by_id.get_mut(id)
            && self.outstanding.insert(key.clone(), id.clone()).is_none()
        {
            lane.outstanding += 1;
            if lane.shut {
                lane.probe_at_ms = now.mono_ms + lane.probe_wait_ms;
            }
        }
    }

    /// By a credit of which lane it was fired.
    pub fn credit_of(&self, key: &Bytes) -> Option<&Bytes> {
        self.outstanding.get(key)
    }

    /// A tombstone came back, or the firing expired: its credit is free again. How it `ended` moves the window.
    pub fn returned(&mut self, config: &Config, now: Now, key: &Bytes, ended: Ended) {
        let Some(id) = self.outstanding.remove(key) else { return };
        let Some(lane) = self.by_id.get_mut(&id) else { return };
        lane.outstanding = lane.outstanding.saturating_sub(1);
        if let Some(until_ms) = ended.paused_until_ms {
            lane.pause(now, until_ms);
        }
        match ended.kind {
            Some(LineKind::Delivered) => lane.succeeded(config),
            Some(LineKind::Retry | LineKind::Escalated) => lane.failed(config, now),
            Some(LineKind::Cancelled | LineKind::Superseded | LineKind::Expired) => lane.ended_unsent(),
            _ => {}
        }
    }

    /// Those in which most waits, `n` at most.
    pub fn top(&self, now: Now, n: usize) -> Vec<LaneShown> {
        let mut all: Vec<_> = self.by_id.iter().collect();
        // The longest first; of equal ones the order is that of their ids, so that they don't jump about.
        let longest = |(a_id, a): &(&Bytes, &Lane), (b_id, b): &(&Bytes, &Lane)| {
            b.waiting.cmp(&a.waiting).then_with(|| a_id.cmp(b_id))
        };
        if n < all.len() {
            all.select_nth_unstable_by(n, longest);
            all.truncate(n);
        }
        all.sort_unstable_by(longest);
        all.into_iter().map(|(id, lane)| lane.shown(now, id)).collect()
    }

    /// Lanes, and of how many the receiver fails, for the metrics. After a takeover it is not known of any.
    pub fn counts(&self) -> (usize, usize) {
        (self.by_id.len(), self.by_id.values().filter(|lane| lane.keeps_failing()).count())
    }
}

#[cfg(test)]
mod tests;
