//! What was published, what is due for it, and what came of it. It is fed by the receiver's own log alone.

use crate::customers::Subscription;
use aerogram_testkit::UpstreamEvent;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Latencies kept for the summary.
const LATENCIES_MAX: usize = 1_000;

/// What came of the signature check of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    Valid,
    /// Missing or wrong, or the body is not of the subscription whose path it came to.
    Failed,
    /// A subscription that is not the demo's, with a key it does not know.
    Unknown,
}

/// What a request meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A delivery that was due, signed and answered with success.
    Delivered,
    /// It was due, and has to come again: answered with a failure, or not validly signed.
    NotYet,
    /// It had been delivered already.
    Repeated,
    /// An event of the demo that is not for this subscription.
    Unexpected,
    /// Somebody's own event or own subscription.
    Own,
}

/// One request as the ledger needs it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub event_id: &'a str,
    /// Its index, if it is one of the demo's.
    pub subscription: Option<usize>,
    pub at: Instant,
    pub success: bool,
    pub signature: Signature,
}

#[derive(Debug)]
struct Published {
    at: Instant,
    label: String,
    due: Vec<Due>,
}

#[derive(Debug)]
struct Due {
    subscription: usize,
    requests: u32,
    delivered: bool,
}

/// The figures of a run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Figures {
    pub events: u64,
    pub deliveries: u64,
    pub retries: u64,
    /// Due and not delivered yet.
    pub missing: u64,
    pub repeated: u64,
    pub unexpected: u64,
    /// Requests whose signature was checked, and of these failed.
    pub checked: u64,
    pub failed_signatures: u64,
    /// Requests for somebody's own events and subscriptions.
    pub own: u64,
}

impl Figures {
    /// Whether everything came that was due, signed, and nothing that was not.
    pub fn is_good(&self) -> bool {
        self.missing == 0 && self.unexpected == 0 && self.failed_signatures == 0
    }
}

/// Everything published in this run with what is due for it.
#[derive(Debug, Default)]
pub struct Ledger {
    published: HashMap<String, Published>,
    figures: Figures,
    first_attempts: VecDeque<Duration>,
}

impl Ledger {
    /// An event is about to be published; it is due at every subscription that wants it.
    pub fn publish(&mut self, event: &UpstreamEvent, label: &str, subscriptions: &[Subscription]) {
        let due: Vec<Due> = subscriptions
            .iter()
            .enumerate()
            .filter(|(_, subscription)| subscription.wants(event))
            .map(|(subscription, _)| Due { subscription, requests: 0, delivered: false })
            .collect();
        self.figures.events += 1;
        self.figures.missing += due.len() as u64;
        let published = Published { at: Instant::now(), label: label.to_owned(), due };
        self.published.insert(event.id.clone(), published);
    }

    /// Takes down a request, and says what it meant.
    pub fn arrived(&mut self, seen: &Seen<'_>) -> Meaning {
        let figures = &mut self.figures;
        let published = self.published.get_mut(seen.event_id);
        let (Some(published), Some(subscription)) = (published, seen.subscription) else {
            figures.own += 1;
            return Meaning::Own;
        };
        figures.checked += 1;
        figures.failed_signatures += u64::from(seen.signature != Signature::Valid);
        let Some(due) = published.due.iter_mut().find(|due| due.subscription == subscription) else {
            figures.unexpected += 1;
            return Meaning::Unexpected;
        };
        if due.delivered {
            figures.repeated += 1;
            return Meaning::Repeated;
        }
        due.requests += 1;
        if due.requests == 1 {
            self.first_attempts.push_back(seen.at.saturating_duration_since(published.at));
            if self.first_attempts.len() > LATENCIES_MAX {
                self.first_attempts.pop_front();
            }
        } else {
            figures.retries += 1;
        }
        if !seen.success || seen.signature != Signature::Valid {
            return Meaning::NotYet;
        }
        due.delivered = true;
        figures.deliveries += 1;
        figures.missing -= 1;
        Meaning::Delivered
    }

    /// What an event is about, and the time since it was published, if the demo published it.
    pub fn published(&self, event_id: &str, now: Instant) -> Option<(&str, Duration)> {
        let published = self.published.get(event_id)?;
        Some((&published.label, now.saturating_duration_since(published.at)))
    }

    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// The time from publishing to the first attempt that this share (0 to 1) of the latest deliveries stayed within.
    pub fn first_attempt_within(&self, share: f64) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.first_attempts.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        // Far below where a float would lose a place.
        sorted.get((last as f64 * share).round() as usize).copied()
    }

    /// What is due and did not come: event id, what it is about, and the subscription's index.
    pub fn missing(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.published.iter().flat_map(|(id, published)| {
            let open = published.due.iter().filter(|due| !due.delivered);
            open.map(|due| (id.as_str(), published.label.as_str(), due.subscription))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers::{BOREALIS, SKYHOP};
    use serde_json::json;

    fn subscription(event: &'static str) -> Subscription {
        Subscription {
            id: String::new(),
            event,
            operator: SKYHOP,
            subscriber: "flight ops",
            path: String::new(),
            key: String::new(),
            secret: None,
        }
    }

    /// Two subscribers of one type, one of another; an event for the first two, and one for nobody.
    fn ledger() -> Ledger {
        let subscriptions = ["FLIGHT_CREATE", "FLIGHT_CREATE", "FLIGHT_CANCEL"].map(subscription);
        let mut ledger = Ledger::default();
        ledger.publish(
            &UpstreamEvent::new("e", "FLIGHT_CREATE", SKYHOP, "s", json!({})),
            "SH1 ZRH-LHR",
            &subscriptions,
        );
        ledger.publish(
            &UpstreamEvent::new("n", "FLIGHT_CREATE", BOREALIS, "s", json!({})),
            "BX1",
            &subscriptions,
        );
        ledger
    }

    fn seen(event_id: &str, subscription: usize, success: bool) -> Seen<'_> {
        Seen {
            event_id,
            subscription: Some(subscription),
            at: Instant::now(),
            success,
            signature: Signature::Valid,
        }
    }

    #[test]
    fn everything_delivered_is_good() {
        let mut ledger = ledger();
        assert_eq!((ledger.figures().events, ledger.figures().missing), (2, 2));
        assert!(!ledger.figures().is_good());
        assert_eq!(ledger.arrived(&seen("e", 0, true)), Meaning::Delivered);
        assert_eq!(ledger.missing().collect::<Vec<_>>(), [("e", "SH1 ZRH-LHR", 1)]);
        assert_eq!(ledger.arrived(&seen("e", 1, true)), Meaning::Delivered);
        let figures = ledger.figures();
        assert_eq!((figures.deliveries, figures.retries, figures.missing, figures.checked), (2, 0, 0, 2));
        assert!(figures.is_good());
        assert!(ledger.first_attempt_within(0.5).is_some());
    }

    #[test]
    fn failures_are_followed_by_retries_and_repeats_are_counted() {
        let mut ledger = ledger();
        assert_eq!(ledger.arrived(&seen("e", 0, false)), Meaning::NotYet);
        assert_eq!(ledger.arrived(&seen("e", 0, false)), Meaning::NotYet);
        assert_eq!(ledger.figures().missing, 2);
        assert_eq!(ledger.arrived(&seen("e", 0, true)), Meaning::Delivered);
        assert_eq!(ledger.arrived(&seen("e", 0, true)), Meaning::Repeated);
        let figures = ledger.figures();
        assert_eq!((figures.deliveries, figures.retries, figures.repeated, figures.missing), (1, 2, 1, 1));
    }

    #[test]
    fn a_wrong_signature_delivers_nothing() {
        let mut ledger = ledger();
        let unsigned = Seen { signature: Signature::Failed, ..seen("e", 0, true) };
        assert_eq!(ledger.arrived(&unsigned), Meaning::NotYet);
        ledger.arrived(&seen("e", 0, true));
        ledger.arrived(&seen("e", 1, true));
        let figures = ledger.figures();
        assert_eq!((figures.missing, figures.checked, figures.failed_signatures), (0, 3, 1));
        assert!(!figures.is_good());
    }

    #[test]
    fn what_is_for_nobody_must_not_come() {
        let mut ledger = ledger();
        assert_eq!(ledger.arrived(&seen("n", 0, true)), Meaning::Unexpected);
        assert_eq!(ledger.arrived(&seen("e", 2, true)), Meaning::Unexpected);
        ledger.arrived(&seen("e", 0, true));
        ledger.arrived(&seen("e", 1, true));
        assert!(!ledger.figures().is_good());
    }

    #[test]
    fn what_others_publish_and_subscribe_is_their_own() {
        let mut ledger = ledger();
        assert_eq!(ledger.arrived(&seen("theirs", 0, true)), Meaning::Own);
        let subscription = None;
        assert_eq!(ledger.arrived(&Seen { subscription, ..seen("e", 0, true) }), Meaning::Own);
        assert_eq!((ledger.figures().own, ledger.figures().missing), (2, 2));
    }
}
