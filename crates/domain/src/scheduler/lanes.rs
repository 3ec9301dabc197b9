//! Credits: how parked work flows back to a receiver, one lane a subscription. Rule 13 of the protocol.
//!
//! At most the window of a lane is outstanding: fired by credit, and without a tombstone. While the lane is shut the
//! window is one probe, at growing intervals; each window that succeeded doubles it, a failure halves it.

use super::Config;
use crate::clock::Now;
use crate::store::Waiting;
use aerogram_wire::v1::LineKind;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

struct Lane {
    waiting: usize,
    outstanding: usize,
    window: usize,
    window_max: usize,
    /// Successes since the window changed.
    succeeded: usize,
    /// Nothing but probes.
    shut: bool,
    probe_at_ms: i64,
    probe_wait_ms: i64,
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
        self.by_id.entry(id.clone()).or_insert_with(|| Lane {
            waiting: 0,
            outstanding: 0,
            window: 1,
            window_max: config.window_default,
            succeeded: 0,
            shut: true,
            probe_at_ms: now.mono_ms,
            probe_wait_ms: config.probe_wait_min_ms,
        })
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

    /// A tombstone came back, or the firing expired: its credit is free again. `ended` moves the window; `None`: it
    /// says nothing of the receiver.
    pub fn returned(&mut self, config: &Config, now: Now, key: &Bytes, ended: Option<LineKind>) {
        let Some(id) = self.outstanding.remove(key) else { return };
        let Some(lane) = self.by_id.get_mut(&id) else { return };
        lane.outstanding = lane.outstanding.saturating_sub(1);
        match ended {
            Some(LineKind::Delivered) => lane.succeeded(config),
            Some(LineKind::Retry | LineKind::Escalated) => lane.failed(config, now),
            _ => {}
        }
    }

    /// Lanes, and how many are shut, for the metrics.
    pub fn counts(&self) -> (usize, usize) {
        (self.by_id.len(), self.by_id.values().filter(|lane| lane.shut).count())
    }
}

impl Lane {
    /// Nothing waits, and nothing is on its way. A shut one is remembered until its next probe: what is due until then
    /// waits with it.
    fn is_done(&self, now: Now) -> bool {
        let probing = self.shut && now.mono_ms < self.probe_at_ms;
        self.waiting == 0 && self.outstanding == 0 && !probing
    }

    fn credits(&self, now: Now) -> usize {
        if self.shut && now.mono_ms < self.probe_at_ms {
            return 0;
        }
        self.window.saturating_sub(self.outstanding)
    }

    fn succeeded(&mut self, config: &Config) {
        self.shut = false;
        self.probe_wait_ms = config.probe_wait_min_ms;
        self.succeeded += 1;
        if self.succeeded >= self.window {
            self.window = (self.window * 2).min(self.window_max.max(1));
            self.succeeded = 0;
        }
    }

    fn failed(&mut self, config: &Config, now: Now) {
        self.succeeded = 0;
        if self.window > 1 {
            self.window /= 2;
            return;
        }
        if self.shut {
            self.probe_wait_ms = (self.probe_wait_ms * 2).min(config.probe_wait_max_ms);
        }
        self.shut = true;
        self.probe_at_ms = now.mono_ms + self.probe_wait_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Bytes = Bytes::from_static(b"lane");

    fn now(mono_ms: i64) -> Now {
        Now { wall_ms: mono_ms, mono_ms }
    }

    fn config() -> Config {
        Config { window_default: 8, probe_wait_min_ms: 100, probe_wait_max_ms: 350, ..Config::default() }
    }

    fn key(n: usize) -> Bytes {
        n.to_be_bytes().to_vec().into()
    }

    /// Fires all that may be, and answers how many those were.
    fn fire(lanes: &mut Lanes, at_ms: i64, next: &mut usize) -> usize {
        let n = lanes.wants(now(at_ms), 1_000, |_| 0).iter().map(|(_, n)| *n).sum();
        for _ in 0..n {
            assert!(lanes.may_fire(now(at_ms), &LANE));
            lanes.fired(now(at_ms), &key(*next), &LANE);
            *next += 1;
        }
        n
    }

    #[test]
    fn a_success_opens_the_lane_and_each_window_of_them_doubles_it_up_to_its_limit() {
        let (mut lanes, mut next, mut returned) = (Lanes::default(), 0, 0);
        lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
        let mut windows = Vec::new();
        for _ in 0..6 {
            windows.push(fire(&mut lanes, 0, &mut next));
            while returned < next {
                lanes.returned(&config(), now(0), &key(returned), Some(LineKind::Delivered));
                returned += 1;
            }
        }
        assert_eq!(windows, [1, 2, 4, 8, 8, 8]);
        lanes.can_take(&LANE, 16);
        assert_eq!(fire(&mut lanes, 0, &mut next), 8);
    }

    #[test]
    fn while_it_fails_there_is_one_probe_at_growing_intervals() {
        let (mut lanes, mut next) = (Lanes::default(), 0);
        lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
        let mut probes = Vec::new();
        for at_ms in 0..1_500 {
            for _ in 0..fire(&mut lanes, at_ms, &mut next) {
                probes.push(at_ms);
                lanes.returned(&config(), now(at_ms), &key(next - 1), Some(LineKind::Retry));
            }
        }
        assert_eq!(probes, [0, 200, 550, 900, 1_250]);
    }

    #[test]
    fn a_credit_comes_back_once_and_without_a_verdict_the_window_stays() {
        let (mut lanes, mut next) = (Lanes::default(), 0);
        lanes.waiting(&config(), now(0), vec![(LANE, 9)]);
        assert_eq!(fire(&mut lanes, 0, &mut next), 1);
        lanes.fired(now(0), &key(0), &LANE);
        assert!(!lanes.may_fire(now(999), &LANE), "it is outstanding, whatever the time");
        lanes.returned(&config(), now(999), &key(0), None);
        lanes.returned(&config(), now(999), &key(0), None);
        assert_eq!(fire(&mut lanes, 999, &mut next), 1);
    }

    #[test]
    fn one_failure_halves_a_wide_window_and_does_not_shut_the_lane() {
        let (mut lanes, mut next) = (Lanes::default(), 0);
        lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
        for n in 0..7 {
            fire(&mut lanes, 0, &mut next);
            lanes.returned(&config(), now(0), &key(n), Some(LineKind::Delivered));
        }
        while next < 11 {
            assert!(fire(&mut lanes, 0, &mut next) > 0);
        }
        lanes.returned(&config(), now(0), &key(8), Some(LineKind::Retry));
        assert_eq!(fire(&mut lanes, 0, &mut next), 0);
        (9..15).for_each(|n| lanes.returned(&config(), now(0), &key(n), None));
        assert!(fire(&mut lanes, 0, &mut next) > 1);
    }

    #[test]
    fn lanes_take_turns_and_an_empty_one_is_forgotten() {
        let mut lanes = Lanes::default();
        let ids: Vec<Bytes> = ["a", "b", "c"].map(Bytes::from).into();
        lanes.waiting(&config(), now(0), ids.iter().map(|id| (id.clone(), 5)).collect());
        let first: Vec<_> = (0..3).flat_map(|_| lanes.wants(now(0), 1, |_| 0)).map(|(id, _)| id).collect();
        assert_eq!(first, ids);
        assert_eq!(lanes.wants(now(0), 9, |_| 2), ids.iter().map(|id| (id.clone(), 3)).collect::<Vec<_>>());
        lanes.waiting(&config(), now(0), vec![(ids[0].clone(), 0)]);
        assert!(!lanes.is_paced(now(0), &ids[0]) && lanes.is_paced(now(0), &ids[1]));
        lanes.wants(now(0), 9, |_| 0);
        assert_eq!((lanes.by_id.len(), lanes.turns.len()), (2, 2));
    }

    #[test]
    fn a_shut_lane_is_remembered_until_its_next_probe() {
        let (mut lanes, mut next) = (Lanes::default(), 0);
        lanes.waiting(&config(), now(0), vec![(LANE, 1)]);
        fire(&mut lanes, 0, &mut next);
        lanes.waiting(&config(), now(0), vec![(LANE, 0)]);
        lanes.returned(&config(), now(50), &key(0), Some(LineKind::Retry));
        assert!(lanes.is_paced(now(50), &LANE), "what is due now waits for the probe");
        lanes.waiting(&config(), now(60), vec![(LANE, 1)]);
        assert_eq!((fire(&mut lanes, 60, &mut next), fire(&mut lanes, 250, &mut next)), (0, 1));
    }
}
