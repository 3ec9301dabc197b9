//! How far `deliveries` was polled, in time: what was fired until then is known. Memory is counted back from there, for who
//! stood still, or lags, has records before it that may repeat what was settled long ago. Rule 10.

use super::Action;
use crate::clock::Now;

pub struct Polled {
    /// The next offset.
    next: i64,
    /// Every record that was appended before is polled.
    upto_ms: i64,
    /// When the end was asked for, until it is told.
    asked_ms: Option<i64>,
    next_ask_ms: i64,
}

impl Polled {
    /// Nothing of this ownership is polled yet.
    pub fn new(next: i64, now: Now) -> Self {
        Self { next, upto_ms: i64::MIN, asked_ms: None, next_ask_ms: now.mono_ms }
    }

    pub fn record(&mut self, offset: i64, appended_ms: i64) {
        self.next = self.next.max(offset + 1);
        self.upto_ms = self.upto_ms.max(appended_ms);
    }

    /// Everything was polled.
    pub fn at_end(&mut self, now: Now) {
        self.upto_ms = self.upto_ms.max(now.wall_ms);
    }

    pub fn upto_ms(&self) -> i64 {
        self.upto_ms
    }

    /// A reader says the end once; that nothing came since has to be asked for.
    pub fn ask_if_due(&mut self, now: Now, interval_ms: i64, out: &mut Vec<Action>) {
        if now.mono_ms >= self.next_ask_ms && self.asked_ms.is_none() {
            self.next_ask_ms = now.mono_ms + interval_ms;
            if now.wall_ms.saturating_sub(self.upto_ms) >= interval_ms {
                self.asked_ms = Some(now.wall_ms);
                out.push(Action::ProbeDeliveriesEnd);
            }
        }
    }

    /// Whether this end was polled to.
    pub fn told(&mut self, end: Option<i64>) -> bool {
        let (Some(asked_ms), Some(end)) = (self.asked_ms.take(), end) else { return false };
        let reached = self.next >= end;
        if reached {
            self.upto_ms = self.upto_ms.max(asked_ms);
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(ms: i64) -> Now {
        Now { wall_ms: ms, mono_ms: ms }
    }

    #[test]
    fn only_an_end_that_was_reached_counts_and_as_of_when_it_was_asked_for() {
        let mut polled = Polled::new(5, now(0));
        polled.record(5, 100);
        assert_eq!(polled.upto_ms(), 100);
        let mut out = Vec::new();
        polled.ask_if_due(now(1_000), 500, &mut out);
        polled.ask_if_due(now(2_000), 500, &mut out);
        assert_eq!(out.len(), 1, "one question at a time");
        assert!(!polled.told(Some(7)));
        assert_eq!(polled.upto_ms(), 100);
        polled.ask_if_due(now(3_000), 500, &mut out);
        assert!(polled.told(Some(6)) && !polled.told(Some(6)), "an answer nobody asked for is none");
        assert_eq!(polled.upto_ms(), 3_000);
        polled.at_end(now(3_100));
        polled.ask_if_due(now(3_500), 500, &mut out);
        assert_eq!(out.len(), 2, "it was seen lately");
    }
}
