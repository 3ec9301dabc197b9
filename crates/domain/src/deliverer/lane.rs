//! One lane a subscription: what waits for it, how many requests are open, and how well its receiver does.

use super::pace::{Limited, Pace};
use super::places::{Places, Share, Speed};
use super::top::LaneState;
use crate::limits::Terms;
use crate::sabotage::{Rule, removed};
use std::collections::VecDeque;
use std::sync::Arc;

/// Share of the newest answer time in the running mean, in percent.
const NEWEST_PERCENT: i64 = 20;
/// Of a subscription's parked deliveries so many are on their way at once, at most, unless more requests may be open.
const WINDOW_MAX: usize = 1_024;
/// Test events that wait in a lane, at most: nobody parks them, and no commit passes them.
const ONCE_MAX: usize = 8;

/// Limits of the lanes of one partition.
#[derive(Clone, Copy, Debug)]
pub struct LaneConfig {
    /// Requests open at once for one subscription.
    pub concurrency: usize,
    /// Bytes of the deliveries waiting in one lane; a full lane stops the polling of the partition.
    pub bytes_max: usize,
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
            bytes_max: 8 << 20,
            wait_max_ms: 2_000,
            failures_max: 8,
            failing_min_ms: 2_000,
            remembered_max: 10_000,
        }
    }
}

impl LaneConfig {
    /// A receiver that takes longer to answer is slow.
    pub const fn slow_ms(&self) -> i64 {
        self.wait_max_ms / 4
    }
}

/// A delivery in its lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    pub offset: i64,
    /// Fired by a credit: it is never parked again.
    pub by_credit: bool,
    /// A test event: it goes first, also while the receiver fails or asks for patience, and is over rather than parked.
    pub once: bool,
    pub bytes: usize,
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
    waiting: VecDeque<Waits>,
    waiting_bytes: usize,
    /// What its subscription allows, as of a version.
    terms: Option<(u64, Arc<Terms>)>,
    /// A limit holds it back.
    pub limited: Option<Limited>,
    pace: Pace,
    /// Open requests and when they were begun, the oldest first.
    open: Vec<(i64, i64)>,
    /// What its open requests are counted as.
    pub speed: Speed,
    /// Where it can be found: among what is ready, stale, paused or limited.
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
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn is_full(&self, config: &LaneConfig) -> bool {
        self.waiting_bytes >= config.bytes_max
    }

    pub fn push_back(&mut self, waits: Waits) {
        self.waiting_bytes += waits.bytes;
        self.waiting.push_back(waits);
    }

    /// Before all but test events; of these the oldest goes first.
    pub fn push_front(&mut self, waits: Waits) {
        let goes_before = |other: &&Waits| other.once && (!waits.once || other.offset < waits.offset);
        let ahead = self.waiting.iter().take_while(goes_before).count();
        self.waiting_bytes += waits.bytes;
        self.waiting.insert(ahead, waits);
    }

    /// Test events that wait. They stand before all others.
    fn waiting_once(&self) -> usize {
        self.waiting.iter().take_while(|waits| waits.once).count()
    }

    /// Whether a test event is next.
    pub fn begins_with_once(&self) -> bool {
        self.waiting.front().is_some_and(|waits| waits.once)
    }

    pub fn pop_front(&mut self) -> Option<Waits> {
        let waits = self.waiting.pop_front()?;
        self.waiting_bytes -= waits.bytes;
        Some(waits)
    }

    /// What its subscription allows, which `make` tells where it is not known of this version yet.
    pub fn learn(&mut self, version: u64, make: impl FnOnce() -> Terms) -> Arc<Terms> {
        match &self.terms {
            Some((known, terms)) if *known == version => terms.clone(),
            _ => {
                let terms = Arc::new(make());
                self.terms = Some((version, terms.clone()));
                terms
            }
        }
    }

    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.terms.as_ref().map(|(_, terms)| terms)
    }

    /// Requests that may be open at once.
    pub fn concurrency(&self, config: &LaneConfig) -> usize {
        let own = self.terms().filter(|_| !removed(Rule::Concurrency)).map_or(usize::MAX, |t| t.concurrency);
        own.min(config.concurrency).max(1)
    }

    /// A limit holds it back; whether none did before.
    pub fn limit(&mut self, now_ms: i64, limited: Limited) -> bool {
        self.pace.limited(now_ms);
        self.limited.replace(limited).is_none()
    }

    /// A request got the tokens that it needs.
    pub fn sent(&mut self) {
        self.limited = None;
        self.pace.sent();
    }

    /// The time between two requests that its limits leave, in microseconds.
    fn gap_us(&self, now_ms: i64) -> i64 {
        let interval_us = self.terms().map_or(0, |terms| terms.interval_us());
        if interval_us == 0 { 0 } else { self.pace.gap_us(now_ms).max(interval_us) }
    }

    /// How long it is until the limits let the one go that has so many before it.
    fn limited_ms(&self, now_ms: i64, ahead: usize) -> i64 {
        let Some(limited) = &self.limited else { return 0 };
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        let rest_ms = ahead.saturating_mul(self.gap_us(now_ms)) / 1_000;
        (limited.until_ms - now_ms).max(0).saturating_add(rest_ms)
    }

    /// How it does. Who answers that it wants patience fails by that; why it is left alone says more.
    pub fn state(&self, config: &LaneConfig, places: &Places, now_ms: i64) -> LaneState {
        let is_slow = || {
            let wait_ms = self.wait_ms(config, places, now_ms, self.waiting.len());
            self.measured(config, now_ms) == Speed::Slow || wait_ms > config.wait_max_ms
        };
        if self.is_shut(config) {
            LaneState::Shut
        } else if self.paused_until_ms > now_ms {
            LaneState::Paused
        } else if self.failed_in_row > 0 {
            LaneState::Failing
        } else if self.limited.is_some() {
            LaneState::Limited
        } else if is_slow() {
            LaneState::Slow
        } else {
            LaneState::Well
        }
    }

    /// How long its receiver takes: by its answers, or by the oldest open request before there is an answer.
    pub fn measured(&self, config: &LaneConfig, now_ms: i64) -> Speed {
        if self.longest_ms(now_ms) > config.slow_ms() {
            Speed::Slow
        } else if self.answer_ms == 0 {
            Speed::New
        } else {
            Speed::Quick
        }
    }

    /// As long as answers take of late, or as the oldest open request has taken already.
    fn longest_ms(&self, now_ms: i64) -> i64 {
        let oldest_ms = self.open.first().map_or(0, |(_, began_ms)| now_ms - began_ms);
        self.answer_ms.max(oldest_ms)
    }

    /// Of the answers of late, in milliseconds; 0: there was none.
    pub fn answer_ms(&self) -> i64 {
        self.answer_ms
    }

    /// How many attempts failed one after the other, and when the first of them began, by the monotonic clock.
    pub fn failing(&self) -> (u32, i64) {
        (self.failed_in_row, self.failed_ms.0)
    }

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
            // Never 0 again, which would say that nobody knows.
            mean => ((mean * (100 - NEWEST_PERCENT) + took_ms * NEWEST_PERCENT) / 100).max(1),
        };
    }

    pub fn pause(&mut self, until_ms: i64) {
        self.paused_until_ms = self.paused_until_ms.max(until_ms);
    }

    /// Another receiver, or its owner says that it does well again: what was known of it says nothing.
    pub fn begin_anew(&mut self) {
        (self.paused_until_ms, self.failed_in_row, self.answer_ms, self.limited) = (0, 0, 0, None);
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
    /// the oldest open request has taken already; until the receiver may be asked again; and as its limits say.
    pub fn wait_ms(&self, config: &LaneConfig, places: &Places, now_ms: i64, ahead: usize) -> i64 {
        let pause_ms = (self.paused_until_ms - now_ms).max(0);
        let rounds_ms = self.rounds_ms(config, places, ahead, now_ms);
        pause_ms.saturating_add(rounds_ms).max(self.limited_ms(now_ms, ahead))
    }

    fn rounds_ms(&self, config: &LaneConfig, places: &Places, ahead: usize, now_ms: i64) -> i64 {
        let Share { places, lanes } = places.share(self.speed, self.concurrency(config));
        let beyond = ((ahead + 1 + self.open.len()) * lanes).saturating_sub(places);
        let beyond = i64::try_from(beyond).unwrap_or(i64::MAX);
        beyond.saturating_mul(self.longest_ms(now_ms)) / places as i64
    }

    /// What the receiver drains, and its limits let through, within the time that a delivery may wait.
    pub fn window(&self, config: &LaneConfig, places: &Places, now_ms: i64) -> usize {
        let Share { places, lanes } = places.share(self.speed, self.concurrency(config));
        let drained = config.wait_max_ms.saturating_mul(places as i64) / self.answer_ms.max(1) / lanes as i64;
        let drained = usize::try_from(drained).unwrap_or(0).clamp(1, WINDOW_MAX);
        match self.gap_us(now_ms) {
            0 => drained,
            gap_us => {
                let passes = config.wait_max_ms.saturating_mul(1_000) / gap_us;
                usize::try_from(passes).unwrap_or(0).min(drained).max(1)
            }
        }
    }

    /// Whether a delivery with so many before it would wait for too long. Of a receiver that does well, and where nobody
    /// else can be harmed, none does: then its lane fills, and slows the polling.
    pub fn is_too_late(&self, config: &LaneConfig, places: &Places, now_ms: i64, ahead: usize) -> bool {
        let asked_to_wait = self.is_paused_long(config, now_ms) || self.gap_us(now_ms) != 0;
        let does_well = !self.is_shut(config) && !asked_to_wait;
        (places.shared || !does_well) && self.wait_ms(config, places, now_ms, ahead) > config.wait_max_ms
    }

    /// Whether a test event that comes now would wait for too long.
    pub fn is_too_late_once(&self, config: &LaneConfig, places: &Places, now_ms: i64) -> bool {
        self.is_over(config, places, now_ms, self.waiting_once())
    }

    /// Whether a test event with so many before it is not sent any more. It waits for no pause, and the first one for the
    /// places of other lanes as what has a credit does: among many slow receivers none could be tested otherwise.
    fn is_over(&self, config: &LaneConfig, places: &Places, now_ms: i64, ahead: usize) -> bool {
        let is_next = ahead == 0 && self.open.len() < self.concurrency(config);
        let rounds_ms = if is_next { 0 } else { self.rounds_ms(config, places, ahead, now_ms) };
        ahead >= ONCE_MAX || rounds_ms.max(self.limited_ms(now_ms, ahead)) > config.wait_max_ms
    }

    /// The receiver asked for more patience than a delivery may wait here.
    pub fn is_paused_long(&self, config: &LaneConfig, now_ms: i64) -> bool {
        self.paused_until_ms - now_ms > config.wait_max_ms
    }

    /// Takes out those that wait too long, or all when the lane is shut. Those with a credit stay, unless the receiver asked
    /// for long patience: no commit passes what waits here. Of test events it takes those that are not sent any more.
    pub fn take_too_late(&mut self, config: &LaneConfig, places: &Places, now_ms: i64) -> Vec<i64> {
        let (shut, paused) = (self.is_shut(config), self.is_paused_long(config, now_ms));
        let (mut late, once) = (Vec::new(), self.waiting_once());
        for index in (once..self.waiting.len()).rev() {
            if !shut && !self.is_too_late(config, places, now_ms, index) {
                break;
            }
            if (paused || !self.waiting[index].by_credit)
                && let Some(waits) = self.waiting.remove(index)
            {
                self.waiting_bytes -= waits.bytes;
                late.push(waits.offset);
            }
        }
        for index in (0..once).rev() {
            if self.is_over(config, places, now_ms, index)
                && let Some(waits) = self.waiting.remove(index)
            {
                self.waiting_bytes -= waits.bytes;
                late.push(waits.offset);
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
    pub fn is_unknown(&self, now_ms: i64) -> bool {
        self.is_unremarkable(now_ms) && self.answer_ms == 0
    }

    /// Its receiver does well, as far as is known.
    pub fn is_unremarkable(&self, now_ms: i64) -> bool {
        self.failed_in_row == 0
            && self.speed != Speed::Slow
            && self.paused_until_ms <= now_ms
            && self.limited.is_none()
    }
}

#[cfg(test)]
mod tests;
