//! One lane a subscription: what waits for it, how many requests are open, and how well its receiver does.

use std::collections::VecDeque;

/// Share of the newest answer time in the running mean, in percent.
const NEWEST_PERCENT: i64 = 20;
/// Of a subscription's parked deliveries so many are on their way at once, at most, unless more requests may be open.
const WINDOW_MAX: usize = 1_024;

/// Limits of the lanes of one partition.
#[derive(Clone, Debug)]
pub struct LaneConfig {
    /// Requests open at once for one subscription.
    pub concurrency: usize,
    /// Deliveries waiting in one lane; a full lane stops the polling of the partition.
    pub capacity: usize,
    /// A delivery that would wait longer in its lane is parked.
    pub wait_max_ms: i64,
    /// So many failures in a row, without a success for `failing_min_ms`, shut a lane: what comes then is parked.
    pub failures_max: u32,
    pub failing_min_ms: i64,
    /// Lanes in which nothing waits, remembered for how their receivers did.
    pub remembered_max: usize,
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self {
            concurrency: 64,
            capacity: 1_000,
            wait_max_ms: 2_000,
            failures_max: 8,
            failing_min_ms: 2_000,
            remembered_max: 10_000,
        }
    }
}

/// A delivery in its lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    pub offset: i64,
    /// Fired by a credit: it is never parked again.
    pub by_credit: bool,
}

/// How an attempt went, as its lane sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Went {
    Well,
    Badly,
    /// It says nothing of the receiver.
    Nothing,
}

#[derive(Default)]
pub struct Lane {
    pub operator: String,
    pub waiting: VecDeque<Waits>,
    /// Open requests and when they were begun, the oldest first.
    open: Vec<(i64, i64)>,
    /// Where it can be found: among what is ready, stale or paused.
    pub listed: bool,
    /// A running mean; 0: no answer yet.
    answer_ms: i64,
    failed_in_row: u32,
    /// When the first of those began and the last of them ended, by the monotonic clock.
    failed_ms: (i64, i64),
    /// The receiver asked for this much patience, by the monotonic clock.
    paused_until_ms: i64,
}

impl Lane {
    pub fn open(&self) -> usize {
        self.open.len()
    }

    pub fn begin(&mut self, now_ms: i64, offset: i64) {
        self.open.push((offset, now_ms));
    }

    /// The request of a record is over, or was not begun; false when there is none.
    pub fn end(&mut self, offset: i64) -> bool {
        let found = self.open.iter().position(|(open, _)| *open == offset);
        found.is_some_and(|index| {
            self.open.remove(index);
            true
        })
    }

    pub fn went(&mut self, now_ms: i64, went: Went, took_ms: i64) {
        match went {
            Went::Nothing => return,
            Went::Well => self.failed_in_row = 0,
            Went::Badly => {
                if self.failed_in_row == 0 {
                    self.failed_ms.0 = now_ms - took_ms;
                }
                self.failed_ms.1 = now_ms;
                self.failed_in_row = self.failed_in_row.saturating_add(1);
            }
        }
        self.answer_ms = match self.answer_ms {
            0 => took_ms.max(1),
            mean => (mean * (100 - NEWEST_PERCENT) + took_ms * NEWEST_PERCENT) / 100,
        };
    }

    pub fn pause(&mut self, until_ms: i64) {
        self.paused_until_ms = self.paused_until_ms.max(until_ms);
    }

    pub fn paused_until_ms(&self) -> i64 {
        self.paused_until_ms
    }

    /// Its receiver fails: only what has a credit is sent.
    pub fn is_shut(&self, config: &LaneConfig) -> bool {
        let (first_ms, last_ms) = self.failed_ms;
        self.failed_in_row >= config.failures_max && last_ms - first_ms >= config.failing_min_ms
    }

    /// How long a delivery waits with so many before it: the requests before it, as long as answers take of late, or as
    /// the oldest open request has taken already; or until the receiver may be asked again.
    pub fn wait_ms(&self, config: &LaneConfig, now_ms: i64, ahead: usize) -> i64 {
        let pause_ms = (self.paused_until_ms - now_ms).max(0);
        let concurrency = config.concurrency.max(1);
        let beyond = (ahead + 1 + self.open.len()).saturating_sub(concurrency);
        let oldest_ms = self.open.first().map_or(0, |(_, began_ms)| now_ms - began_ms);
        let answer_ms = self.answer_ms.max(oldest_ms);
        let rounds_ms =
            i64::try_from(beyond).unwrap_or(i64::MAX).saturating_mul(answer_ms) / concurrency as i64;
        pause_ms.saturating_add(rounds_ms)
    }

    /// What the receiver drains within the time that a delivery may wait.
    pub fn window(&self, config: &LaneConfig) -> usize {
        let drained = config.wait_max_ms.saturating_mul(config.concurrency as i64) / self.answer_ms.max(1);
        usize::try_from(drained).unwrap_or(0).min(WINDOW_MAX).max(config.concurrency)
    }

    /// Takes out those that wait too long, or all when the lane is shut, but for those with a credit.
    pub fn take_too_late(&mut self, config: &LaneConfig, now_ms: i64) -> Vec<i64> {
        let shut = self.is_shut(config);
        let mut late = Vec::new();
        for index in (0..self.waiting.len()).rev() {
            if !shut && self.wait_ms(config, now_ms, index) <= config.wait_max_ms {
                break;
            }
            if !self.waiting[index].by_credit {
                late.extend(self.waiting.remove(index).map(|waits| waits.offset));
            }
        }
        // The oldest is parked first.
        late.reverse();
        late
    }

    /// Nothing waits, nothing is open.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty() && !self.listed
    }

    /// Nothing is lost when it is forgotten.
    pub fn is_unremarkable(&self, now_ms: i64) -> bool {
        self.failed_in_row == 0 && self.paused_until_ms <= now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> LaneConfig {
        LaneConfig {
            concurrency: 4,
            wait_max_ms: 2_000,
            failures_max: 3,
            failing_min_ms: 0,
            ..LaneConfig::default()
        }
    }

    fn filled(n: i64) -> Lane {
        let waits = |offset| Waits { offset, by_credit: offset % 10 == 9 };
        Lane { waiting: (0..n).map(waits).collect(), ..Lane::default() }
    }

    #[test]
    fn the_wait_is_what_stands_before_it_in_answer_times() {
        let mut lane = filled(0);
        assert_eq!(lane.wait_ms(&config(), 0, 100), 0, "nothing is known of a new one");
        lane.went(0, Went::Well, 1_000);
        assert_eq!(lane.wait_ms(&config(), 0, 3), 0, "there is a free request for it");
        assert_eq!(lane.wait_ms(&config(), 0, 11), 2_000);
        (0..4).for_each(|offset| lane.begin(0, offset));
        assert_eq!(lane.wait_ms(&config(), 0, 0), 250);
        assert_eq!(lane.wait_ms(&config(), 9_000, 0), 2_250, "an open request tells before its answer does");
        lane.pause(10_000);
        assert_eq!(lane.wait_ms(&config(), 9_000, 0), 3_250);
    }

    #[test]
    fn those_at_the_end_wait_too_long_first_and_what_has_a_credit_stays() {
        let mut lane = filled(20);
        lane.went(0, Went::Well, 1_000);
        assert_eq!(lane.take_too_late(&config(), 0), [12, 13, 14, 15, 16, 17, 18]);
        assert_eq!(lane.waiting.len(), 13);
        (0..2).for_each(|_| lane.went(0, Went::Badly, 1_000));
        assert!(lane.take_too_late(&config(), 0).is_empty());
        lane.went(0, Went::Badly, 1_000);
        assert_eq!(lane.take_too_late(&config(), 0).len(), 11);
        assert_eq!(lane.waiting.iter().map(|waits| waits.offset).collect::<Vec<_>>(), [9, 19]);
    }

    #[test]
    fn one_success_opens_a_shut_lane() {
        let mut lane = filled(0);
        (0..9).for_each(|_| lane.went(0, Went::Badly, 1));
        lane.went(0, Went::Nothing, 1);
        assert!(lane.is_shut(&config()) && !lane.is_unremarkable(0));
        lane.went(0, Went::Well, 1);
        assert!(!lane.is_shut(&config()) && lane.is_unremarkable(0));
    }

    #[test]
    fn a_moment_of_failures_shuts_nothing() {
        let config = LaneConfig { failing_min_ms: 1_000, ..config() };
        let mut lane = filled(0);
        (0..9).for_each(|n| lane.went(100 + n, Went::Badly, 10));
        assert!(!lane.is_shut(&config));
        lane.went(1_090, Went::Badly, 10);
        assert!(lane.is_shut(&config), "it has failed since 90");
    }
}
