//! What keeps deliveries from flowing, in the words of `aerogram top`.

use super::model::Overview;
use crate::deliveries::{answer, href};
use crate::zone::{When, Zone};

/// Shown when its receiver does not take all there is.
pub struct Breaker {
    pub word: &'static str,
    /// Of `portal.css`.
    pub class: &'static str,
    pub says: &'static str,
    pub failing_since: Option<When>,
    pub last_answer: Option<LastAnswer>,
    pub last_success: Option<When>,
    pub next_probe: Option<When>,
    pub becomes_inactive: Option<When>,
}

/// The last that was none, or no good one.
pub struct LastAnswer {
    pub what: String,
    /// How the answer began.
    pub excerpt: Option<String>,
    /// The delivery it belongs to.
    pub href: String,
}

impl Breaker {
    /// `None`: nothing is wrong, as far as that is known.
    pub fn of(overview: &Overview, zone: &Zone) -> Option<Self> {
        let receiver = &overview.receiver;
        let (word, class, says) = match receiver.state.as_deref() {
            Some(state) => words(state)?,
            None => receiver.failing_since.and_then(|_| words("failing"))?,
        };
        Some(Self {
            word,
            class,
            says,
            failing_since: receiver.failing_since.map(|time| zone.minute(time)),
            last_answer: LastAnswer::of(overview),
            last_success: overview.last_success.as_ref().map(|success| zone.second(success.at_date_time)),
            next_probe: receiver.next_probe_at_date_time.map(|time| zone.second(time)),
            becomes_inactive: receiver.becomes_inactive_at_date_time.map(|time| zone.minute(time)),
        })
    }
}

impl LastAnswer {
    pub fn of(overview: &Overview) -> Option<Self> {
        let failure = overview.last_failure.as_ref()?;
        Some(Self {
            what: answer(&failure.outcome, failure.status),
            excerpt: failure.excerpt.clone().filter(|excerpt| !excerpt.trim().is_empty()),
            href: href(&failure.id),
        })
    }
}

/// Nothing for a state that is well, and for one of a later version.
fn words(state: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match state {
        "shut" => (
            "Shut",
            "s-up",
            "The receiver keeps failing, so what is new is parked without being tried. One delivery at a time goes out as a probe. \
             With the first success all flows back by itself, and nothing is lost.",
        ),
        "failing" => (
            "Failing",
            "s-fail",
            "The last attempts failed and are tried again. What was answered stands with each delivery.",
        ),
        "paused" => {
            ("Paused", "s-park", "The receiver asked for patience (Retry-After). It goes on by itself.")
        }
        "limited" => (
            "Limited",
            "s-park",
            "Its own limit, or that of its host, delays it. If what is parked keeps growing, the limit is too low for it.",
        ),
        "slow" => (
            "Slow",
            "s-again",
            "Answers take long. What would wait too long is parked, and comes as fast as the receiver answers.",
        ),
        "paced" => (
            "Paced",
            "s-again",
            "What was parked flows back, more at a time with each success. It goes on by itself.",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview(json: &str) -> Overview {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_well_or_not_known_needs_no_words() {
        for json in ["{}", r#"{"receiver":{"state":"well"}}"#, r#"{"receiver":{"state":"dreaming"}}"#] {
            assert!(Breaker::of(&overview(json), &Zone::utc()).is_none(), "{json}");
        }
    }

    #[test]
    fn only_what_is_known_is_told() {
        let failing = overview(r#"{"receiver":{"state":null,"failingSince":"2026-11-21T08:14:00Z"}}"#);
        let failing = Breaker::of(&failing, &Zone::utc()).unwrap();
        assert_eq!(
            (failing.word, failing.failing_since.unwrap().text.as_str()),
            ("Failing", "21 Nov 2026, 08:14")
        );
        assert!(failing.last_answer.is_none() && failing.next_probe.is_none());
        let shut = overview(
            r#"{"receiver":{"state":"shut","nextProbeAtDateTime":"2026-11-21T10:52:40Z"},
                "lastFailure":{"id":"msg_1/..","atDateTime":"2026-11-21T10:52:00Z","outcome":"http_5xx","status":503,"excerpt":" "}}"#,
        );
        let shut = Breaker::of(&shut, &Zone::utc()).unwrap();
        let last = shut.last_answer.unwrap();
        assert_eq!((last.what.as_str(), last.href.as_str()), ("503", "/portal/deliveries/msg_1%2F.."));
        assert!(last.excerpt.is_none() && shut.becomes_inactive.is_none() && shut.next_probe.is_some());
    }

    #[test]
    fn every_state_has_words_of_its_own() {
        let states = ["shut", "failing", "paused", "limited", "slow", "paced"];
        let mut told: Vec<_> = states.iter().map(|state| words(state).unwrap().0).collect();
        told.dedup();
        assert_eq!(told.len(), states.len());
    }
}
