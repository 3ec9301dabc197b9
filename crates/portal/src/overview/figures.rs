//! What waits now, and how the last day went, as numbers.

use jiff::Timestamp;

use super::model::Overview;
use crate::html::number;
use crate::zone::{When, Zone};

/// Of what waits the API counts no more.
const COUNTED_MAX: u64 = 10_000;
/// A state of a receiver.
const SHUT: &str = "shut";

pub struct Figures {
    pub pending: String,
    pub retrying: String,
    pub parked: String,
    pub given_up: String,
    pub delivered: String,
    /// How much of what ended was delivered.
    pub share: String,
    pub next_attempt: Next,
    /// There are some given up that nobody has dealt with.
    pub any_given_up: bool,
}

/// When the next of those that were tried before is tried again.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    At(When),
    /// Its receiver is shut: whatever time stands with a delivery, it waits for that.
    WithProbe,
    /// There is none, or its time has passed and it is any moment now.
    Unknown,
}

impl Next {
    fn of(overview: &Overview, zone: &Zone, now: Timestamp) -> Self {
        let receiver = &overview.receiver;
        let is_shut = receiver.state.as_deref() == Some(SHUT) || receiver.next_probe_at_date_time.is_some();
        match overview.next_attempt_at_date_time {
            _ if overview.waiting.retrying == 0 => Self::Unknown,
            _ if is_shut => Self::WithProbe,
            Some(time) if time > now => Self::At(zone.clock(time)),
            _ => Self::Unknown,
        }
    }
}

impl Figures {
    pub fn of(overview: &Overview, zone: &Zone, now: Timestamp) -> Self {
        // It is said of all of them together; of those that wait it can only be true from a limit on.
        let told = |value: u64, from: u64| {
            let more = if overview.counts_are_at_least && value >= from { "+" } else { "" };
            format!("{}{more}", number(value))
        };
        let waits = |value| told(value, COUNTED_MAX);
        let waiting = overview.waiting;
        Self {
            pending: waits(waiting.pending),
            retrying: waits(waiting.retrying),
            parked: waits(waiting.parked),
            given_up: waits(waiting.escalated_open),
            delivered: told(overview.ended24h.delivered, 1),
            share: share(overview),
            next_attempt: Next::of(overview, zone, now),
            any_given_up: waiting.escalated_open > 0,
        }
    }
}

/// In tenths of a percent, rounded down: all is only said of all.
fn share(overview: &Overview) -> String {
    let ended = overview.ended24h;
    let all = u128::from(ended.delivered) + u128::from(ended.escalated) + u128::from(ended.other);
    match (u128::from(ended.delivered) * 1_000).checked_div(all) {
        None => "nothing ended".to_owned(),
        Some(1_000) => "all that ended".to_owned(),
        Some(tenths) => format!("{}.{} % of what ended", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::model::Ended;

    fn shared(delivered: u64, escalated: u64, other: u64) -> String {
        share(&Overview { ended24h: Ended { delivered, escalated, other }, ..Overview::default() })
    }

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(shared(0, 0, 0), "nothing ended");
        assert_eq!(shared(7, 0, 0), "all that ended");
        assert_eq!(shared(94, 5, 1), "94.0 % of what ended");
        assert_eq!(shared(u64::MAX, 1, u64::MAX), "49.9 % of what ended");
        assert_eq!(shared(999_999, 1, 0), "99.9 % of what ended");
    }

    #[test]
    fn what_is_counted_to_a_limit_says_so() {
        let overview: Overview = serde_json::from_str(
            r#"{"waiting":{"pending":10000,"retrying":0,"parked":0,"escalatedOpen":0},"countsAreAtLeast":true,
                "nextAttemptAtDateTime":"2026-11-21T10:53:10Z"}"#,
        )
        .unwrap();
        let figures = Figures::of(&overview, &Zone::utc(), Timestamp::UNIX_EPOCH);
        assert_eq!((figures.pending.as_str(), figures.any_given_up), ("10,000+", false));
        assert_eq!((figures.parked.as_str(), figures.delivered.as_str()), ("0", "0"));
        // Nothing is retried, so it is none of these that comes next.
        assert_eq!(figures.next_attempt, Next::Unknown);
    }

    #[test]
    fn a_time_that_has_passed_or_does_not_count_is_not_told() {
        let next = |retrying: u64, receiver: &str, now: &str| {
            let overview = format!(
                r#"{{"waiting":{{"retrying":{retrying}}},"nextAttemptAtDateTime":"2026-11-21T10:53:10Z","receiver":{receiver}}}"#
            );
            Next::of(&serde_json::from_str(&overview).unwrap(), &Zone::utc(), now.parse().unwrap())
        };
        let (before, after) = ("2026-11-21T10:53:09Z", "2026-11-21T10:53:10Z");
        assert!(matches!(next(1, "{}", before), Next::At(when) if when.text == "10:53:10"));
        assert_eq!((next(1, "{}", after), next(0, "{}", before)), (Next::Unknown, Next::Unknown));
        for shut in [r#"{"state":"shut"}"#, r#"{"nextProbeAtDateTime":"2026-11-21T10:54:00Z"}"#] {
            assert_eq!((next(2, shut, before), next(2, shut, after)), (Next::WithProbe, Next::WithProbe));
            assert_eq!(next(0, shut, before), Next::Unknown, "none waits for it");
        }
        assert!(matches!(next(1, r#"{"state":"failing"}"#, before), Next::At(_)));
    }
}
