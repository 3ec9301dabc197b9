//! One lane a subscription: what waits for it, and how many requests are open.

use std::collections::{HashMap, VecDeque};

#[derive(Default)]
struct Lane {
    waiting: VecDeque<i64>,
    open: usize,
    /// In `ready` or `stale`.
    listed: bool,
}

/// The lanes of a partition. A lane takes its turn only when the others that can go have had theirs.
#[derive(Default)]
pub struct Lanes {
    by_subscription: HashMap<String, Lane>,
    ready: VecDeque<String>,
    /// The head waits for the table to reach its position.
    stale: Vec<String>,
    stale_since_ms: Option<i64>,
    capacity: usize,
    /// Lanes with `capacity` waiting or more.
    full: usize,
}

impl Lanes {
    /// `capacity`: with so many waiting a lane is full.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    pub fn push_back(&mut self, subscription_id: &str, offset: i64) {
        self.lane(subscription_id).waiting.push_back(offset);
        self.grown(subscription_id);
    }

    /// Next in its lane: an attempt that follows at once.
    pub fn push_front(&mut self, subscription_id: &str, offset: i64) {
        self.lane(subscription_id).waiting.push_front(offset);
        self.grown(subscription_id);
    }

    /// The next record whose lane has room, with a request opened in it.
    pub fn next(&mut self, concurrency: usize) -> Option<i64> {
        while let Some(id) = self.ready.pop_front() {
            let Some(lane) = self.by_subscription.get_mut(&id) else { continue };
            lane.listed = false;
            if lane.open >= concurrency {
                continue;
            }
            let Some(offset) = lane.waiting.pop_front() else {
                self.forget_if_idle(&id);
                continue;
            };
            lane.open += 1;
            self.full -= usize::from(lane.waiting.len() + 1 == self.capacity);
            if !lane.waiting.is_empty() {
                lane.listed = true;
                self.ready.push_back(id);
            }
            return Some(offset);
        }
        None
    }

    /// The record's request is over, or was not begun.
    pub fn close(&mut self, subscription_id: &str) {
        if let Some(lane) = self.by_subscription.get_mut(subscription_id) {
            lane.open = lane.open.saturating_sub(1);
            if lane.waiting.is_empty() {
                self.forget_if_idle(subscription_id);
            } else {
                self.list(subscription_id);
            }
        }
    }

    /// Not begun: the lane waits until the table moves on.
    pub fn hold_stale(&mut self, now_ms: i64, subscription_id: &str, offset: i64) {
        let lane = self.lane(subscription_id);
        lane.open = lane.open.saturating_sub(1);
        lane.waiting.push_front(offset);
        lane.listed = true;
        self.full += usize::from(self.lane(subscription_id).waiting.len() == self.capacity);
        self.ready.retain(|id| id != subscription_id);
        self.stale.push(subscription_id.to_owned());
        self.stale_since_ms.get_or_insert(now_ms);
    }

    pub fn recheck_stale(&mut self) {
        self.ready.extend(self.stale.drain(..));
        self.stale_since_ms = None;
    }

    pub fn stale_since(&self) -> Option<i64> {
        self.stale_since_ms
    }

    pub fn any_full(&self) -> bool {
        self.full > 0
    }

    fn grown(&mut self, subscription_id: &str) {
        self.full += usize::from(self.lane(subscription_id).waiting.len() == self.capacity);
        self.list(subscription_id);
    }

    fn lane(&mut self, subscription_id: &str) -> &mut Lane {
        self.by_subscription.entry(subscription_id.to_owned()).or_default()
    }

    fn list(&mut self, subscription_id: &str) {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return };
        if !lane.listed {
            lane.listed = true;
            self.ready.push_back(subscription_id.to_owned());
        }
    }

    fn forget_if_idle(&mut self, subscription_id: &str) {
        if self.by_subscription.get(subscription_id).is_some_and(|lane| lane.open == 0 && !lane.listed) {
            self.by_subscription.remove(subscription_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lanes: &mut Lanes, concurrency: usize) -> Vec<i64> {
        std::iter::from_fn(|| lanes.next(concurrency)).collect()
    }

    #[test]
    fn lanes_take_turns_and_keep_their_order() {
        let mut lanes = Lanes::new(10);
        for (id, offset) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5)] {
            lanes.push_back(id, offset);
        }
        assert_eq!(all(&mut lanes, 9), [1, 4, 5, 2, 3]);
    }

    #[test]
    fn a_lane_waits_at_its_concurrency_and_goes_on_when_one_closes() {
        let mut lanes = Lanes::new(10);
        (0..4).for_each(|offset| lanes.push_back("a", offset));
        assert_eq!(all(&mut lanes, 2), [0, 1]);
        lanes.close("a");
        lanes.push_front("a", 0);
        assert_eq!(all(&mut lanes, 2), [0]);
        (0..3).for_each(|_| lanes.close("a"));
        assert_eq!(all(&mut lanes, 9), [2, 3]);
        (0..2).for_each(|_| lanes.close("a"));
        assert!(lanes.by_subscription.is_empty(), "idle lanes are forgotten");
    }

    #[test]
    fn a_stale_lane_is_held_until_the_table_moves() {
        let mut lanes = Lanes::new(10);
        lanes.push_back("a", 1);
        lanes.push_back("a", 2);
        assert_eq!(lanes.next(9), Some(1));
        lanes.hold_stale(50, "a", 1);
        assert_eq!(lanes.next(9), None);
        assert_eq!(lanes.stale_since(), Some(50));
        lanes.recheck_stale();
        assert_eq!(all(&mut lanes, 9), [1, 2]);
    }

    #[test]
    fn full_is_counted_by_lane() {
        let mut lanes = Lanes::new(2);
        lanes.push_back("a", 1);
        assert!(!lanes.any_full());
        lanes.push_back("a", 2);
        lanes.push_back("a", 3);
        assert!(lanes.any_full());
        assert_eq!(lanes.next(9), Some(1));
        assert!(lanes.any_full());
        assert_eq!(lanes.next(9), Some(2));
        assert!(!lanes.any_full());
    }
}
