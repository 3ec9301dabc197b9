//! What became of runs hour by hour, of hours in UTC: counted by when attempts began and when runs ended, whenever they were
//! issued.

use std::collections::BTreeMap;

use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Outcome};

use super::{Answers, Progress, Status};

/// In milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// The hour of a moment, in hours since 1970.
pub const fn hour_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(HOUR_MS)
}

/// Of one hour, or of several.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Hour {
    /// Runs that ended so.
    pub delivered: u64,
    pub escalated: u64,
    /// Cancelled, superseded or expired.
    pub other: u64,
    /// Attempts, those that failed by our own fault too.
    pub failed_attempts: u64,
    /// How long attempts took that were answered.
    pub answers: Answers,
    /// The last attempt that succeeded.
    pub success: Option<Success>,
    /// The last one that did not.
    pub failure: Option<Failure>,
}

/// An attempt that succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Success {
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    pub key: RunKey,
}

/// An attempt that did not succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    pub key: RunKey,
    pub outcome: Outcome,
    /// HTTP status; 0: none was received.
    pub status: u32,
}

/// By hour since 1970.
pub type Hours = BTreeMap<i64, Hour>;

/// Counts what has happened to a run between these two.
pub fn count(hours: &mut Hours, key: RunKey, before: &Progress, after: &Progress) {
    // Both are in this order.
    let place = |attempt: &Attempt| (attempt.number, attempt.started_at_ms);
    let is_known = |attempt: &Attempt| before.attempts.binary_search_by_key(&place(attempt), place).is_ok();
    for attempt in after.attempts.iter().filter(|attempt| !is_known(attempt)) {
        hours.entry(hour_of(attempt.started_at_ms)).or_default().attempt(key, attempt);
    }
    if after.status.is_final() && !before.status.is_final() {
        hours.entry(hour_of(after.changed_at_ms)).or_default().ended(after.status);
    }
}

impl Hour {
    /// An attempt was made.
    pub fn attempt(&mut self, key: RunKey, attempt: &Attempt) {
        let (at_ms, outcome, status) = (attempt.started_at_ms, attempt.outcome(), attempt.status);
        if outcome == Outcome::Delivered {
            self.succeeded(Success { at_ms, key });
        } else {
            self.failed_attempts += 1;
            self.failed(Failure { at_ms, key, outcome, status });
        }
        if status != 0 {
            self.answers.add(attempt.duration_ms, 1);
        }
    }

    fn ended(&mut self, status: Status) {
        match status {
            Status::Delivered => self.delivered += 1,
            Status::Escalated => self.escalated += 1,
            _ => self.other += 1,
        }
    }

    fn succeeded(&mut self, success: Success) {
        if self.success.is_none_or(|known| (known.at_ms, known.key) < (success.at_ms, success.key)) {
            self.success = Some(success);
        }
    }

    fn failed(&mut self, failure: Failure) {
        if self.failure.is_none_or(|known| (known.at_ms, known.key) < (failure.at_ms, failure.key)) {
            self.failure = Some(failure);
        }
    }

    /// Of both.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.escalated += other.escalated;
        self.other += other.other;
        self.failed_attempts += other.failed_attempts;
        self.answers.add_all(&other.answers);
        other.success.into_iter().for_each(|success| self.succeeded(success));
        other.failure.into_iter().for_each(|failure| self.failed(failure));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: RunKey = RunKey { delivery_id: [7; 16], run: 0 };

    fn attempt(number: u32, started_at_ms: i64, outcome: Outcome, status: u32, duration_ms: u32) -> Attempt {
        Attempt { number, started_at_ms, duration_ms, outcome: outcome.into(), status, ..Attempt::default() }
    }

    fn progress(status: Status, changed_at_ms: i64, attempts: &[Attempt]) -> Progress {
        Progress { status, changed_at_ms, attempts: attempts.to_vec(), ..Progress::default() }
    }

    #[test]
    fn attempts_count_when_they_began_and_runs_when_they_ended() {
        let failed = attempt(1, HOUR_MS - 1, Outcome::Http5xx, 503, 40);
        let refused = attempt(2, HOUR_MS, Outcome::Connect, 0, 9_000);
        let well = attempt(3, 2 * HOUR_MS - 1, Outcome::Delivered, 200, 80);
        let none = Progress::default();
        let retrying = progress(Status::Retrying, HOUR_MS, &[failed.clone(), refused.clone()]);
        let delivered = progress(Status::Delivered, 2 * HOUR_MS, &[failed, refused, well]);
        // At once, or one after the other.
        let (mut at_once, mut one_by_one) = (Hours::new(), Hours::new());
        count(&mut at_once, KEY, &none, &delivered);
        count(&mut one_by_one, KEY, &none, &retrying);
        count(&mut one_by_one, KEY, &retrying, &delivered);
        count(&mut one_by_one, KEY, &delivered, &delivered);
        assert_eq!(at_once, one_by_one);
        let figures = |hour: i64| {
            let hour = &at_once[&hour];
            (hour.failed_attempts, hour.delivered, hour.answers.percentile(50))
        };
        assert_eq!(at_once.len(), 3);
        assert_eq!(figures(0), (1, 0, Some(41)));
        assert_eq!(figures(1), (1, 0, Some(82)), "what had no answer took no time to answer");
        assert_eq!(figures(2), (0, 1, None));
        assert_eq!(at_once[&1].success, Some(Success { at_ms: 2 * HOUR_MS - 1, key: KEY }));
        let failure = Failure { at_ms: HOUR_MS, key: KEY, outcome: Outcome::Connect, status: 0 };
        assert_eq!(at_once[&1].failure, Some(failure));
    }

    #[test]
    fn each_end_counts_once_and_as_what_it_was() {
        let mut hours = Hours::new();
        for status in Status::ALL {
            count(&mut hours, KEY, &Progress::default(), &progress(status, 5, &[]));
        }
        let hour = hours.remove(&0).unwrap_or_default();
        assert_eq!((hour.delivered, hour.escalated, hour.other, hour.failed_attempts), (1, 1, 3, 0));
        assert!(hours.is_empty());
    }

    #[test]
    fn sums_are_of_both_and_the_later_ones_stay() {
        let (mut sum, mut early, mut late) = (Hour::default(), Hour::default(), Hour::default());
        early.attempt(KEY, &attempt(1, 10, Outcome::Http4xx, 404, 5));
        early.attempt(KEY, &attempt(2, 20, Outcome::Delivered, 204, 7));
        late.attempt(KEY, &attempt(1, 30, Outcome::Timeout, 0, 10_000));
        late.ended(Status::Escalated);
        for part in [&late, &early] {
            sum.add(part);
        }
        assert_eq!((sum.failed_attempts, sum.escalated, sum.answers.total()), (2, 1, 2));
        assert_eq!(sum.failure.map(|failure| failure.at_ms), Some(30));
        assert_eq!(sum.success.map(|success| success.at_ms), Some(20));
    }

    #[test]
    fn hours_before_1970_are_hours_too() {
        assert_eq!([-1, 0, HOUR_MS - 1, HOUR_MS].map(hour_of), [-1, 0, 0, 1]);
    }
}
