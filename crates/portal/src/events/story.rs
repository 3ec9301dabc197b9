//! The story of one event, as a page tells it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{DeliveryStory, Event};
use crate::deliveries::{AttemptResult, Next, Webhooks, href, of_today, took, webhook_href};
use crate::error::sentence;
use crate::html::{State, indented, number, shortened};
use crate::model::{Attempt, EventTypes};
use crate::zone::{When, Zone};

/// More attempts are not told in full.
const TRIES_MAX: usize = 8;
/// Then so many of the first and of the last ones are.
const TRIES_OF_AN_END: usize = 3;

/// By what it is told.
pub struct Telling<'a> {
    pub webhooks: &'a Webhooks,
    pub types: &'a EventTypes,
    pub zone: &'a Zone,
    pub now: Timestamp,
    /// There are deliveries that are not shown.
    pub is_cut: bool,
}

pub struct Story {
    pub title: String,
    pub wire: String,
    pub subject: String,
    pub source: Option<String>,
    pub environment: String,
    pub contract: Option<String>,
    pub accepted: Option<When>,
    pub is_repeat: bool,
    /// It was made to see what a receiver answers.
    pub is_test: bool,
    /// How many webhooks got it; `None`: nothing is to be said of that.
    pub matched: Option<String>,
    pub deliveries: Vec<Line>,
    pub misses: Vec<Miss>,
    /// How many more there are.
    pub misses_left_out: Option<String>,
    /// What it said, as it was accepted.
    pub says: Option<String>,
}

/// A delivery.
pub struct Line {
    pub href: String,
    pub to: String,
    /// How it came about, if it is not the first one.
    pub run: &'static str,
    pub tries: Vec<Try>,
    pub state: State,
    pub next: Next,
    /// More happens with it.
    pub is_under_way: bool,
    /// The last of its attempts did no good.
    pub is_bad: bool,
}

/// An attempt, or those that are not told.
pub enum Try {
    Made { result: AttemptResult, what: String, at: When },
    LeftOut(String),
}

/// A webhook that did not get it.
pub struct Miss {
    pub href: String,
    pub name: String,
    /// Sentences.
    pub reasons: Vec<String>,
}

impl Story {
    /// `says` is the event as JSON.
    pub fn of(event: &Event, says: Option<&str>, telling: &Telling<'_>) -> Self {
        let lines = event.deliveries.iter().map(|of| Line::of(of, telling));
        let is_test =
            !event.deliveries.is_empty() && event.deliveries.iter().all(|of| of.delivery.run == "test");
        let left_out = event.near_misses_left_out;
        Self {
            title: telling.types.title(&event.r#type).to_owned(),
            wire: event.r#type.clone(),
            subject: event.subject.clone(),
            source: event.source.clone(),
            environment: event.environment.clone(),
            contract: event.contract.clone().filter(|contract| !contract.is_empty()),
            accepted: event.accepted_at_date_time.map(|time| telling.zone.second(time)),
            is_repeat: event.repeats.is_some(),
            is_test,
            matched: (!is_test && event.repeats.is_none()).then(|| matched(event, telling.is_cut)),
            deliveries: lines.collect(),
            misses: event
                .near_misses
                .iter()
                .map(|miss| Miss {
                    href: webhook_href(&miss.subscription_id),
                    name: match (telling.webhooks.url(&miss.subscription_id), &miss.name) {
                        (Some(url), _) => shortened(url).to_owned(),
                        (None, Some(name)) => name.clone(),
                        (None, None) => miss.subscription_id.clone(),
                    },
                    reasons: miss.reasons.iter().map(|reason| sentence(&reason.detail)).collect(),
                })
                .collect(),
            misses_left_out: (left_out > 0).then(|| number(left_out)),
            says: says.map(indented),
        }
    }
}

/// How many webhooks it was for, of those that are about its type.
fn matched(event: &Event, is_cut: bool) -> String {
    let got: BTreeSet<_> = event.deliveries.iter().map(|of| of.delivery.subscription_id.as_str()).collect();
    let got = got.len() as u64;
    let all = got.saturating_add(event.near_misses.len() as u64).saturating_add(event.near_misses_left_out);
    let noun = if all == 1 { "webhook" } else { "webhooks" };
    match (got, all) {
        _ if is_cut => format!("Matched with {} webhooks and more", number(got)),
        (0, 0) => "No webhook of yours is about this type".to_owned(),
        (0, 1) => "Not for your only webhook about this type".to_owned(),
        (0, all) => format!("Matched with none of {} webhooks", number(all)),
        (got, all) => format!("Matched with {} of {} {noun}", number(got), number(all)),
    }
}

impl Line {
    fn of(of: &DeliveryStory, telling: &Telling<'_>) -> Self {
        let DeliveryStory { delivery, attempts, next } = of;
        let url = telling.webhooks.url(&delivery.subscription_id);
        Self {
            href: href(&delivery.id),
            to: url.map_or_else(|| delivery.subscription_id.clone(), |url| shortened(url).to_owned()),
            run: match delivery.run.as_str() {
                "redelivery" => "sent again",
                "test" => "as a test",
                _ => "",
            },
            tries: tries(attempts, telling),
            state: State::of_delivery(&delivery.status),
            next: Next::of(next.as_ref(), telling.zone, telling.now),
            is_under_way: matches!(delivery.status.as_str(), "PENDING" | "RETRYING" | "PARKED"),
            is_bad: attempts.last().is_some_and(|last| !last.is_good()),
        }
    }
}

fn tries(attempts: &[Attempt], telling: &Telling<'_>) -> Vec<Try> {
    let told = |attempt: &Attempt| {
        let (number, took) = (attempt.number, took(attempt.duration_ms));
        let result = AttemptResult::of(attempt);
        let (result, what) = match attempt.is_good() {
            true => {
                let what = format!("attempt {number}: {} after {took}", result.word);
                (AttemptResult { word: "Delivered".to_owned(), ..result }, what)
            }
            false => (result, format!("attempt {number} after {took}")),
        };
        Try::Made { result, what, at: of_today(attempt.started_at, telling.zone, telling.now) }
    };
    if attempts.len() <= TRIES_MAX {
        return attempts.iter().map(told).collect();
    }
    let (first, rest) = attempts.split_at(TRIES_OF_AN_END);
    let (between, last) = rest.split_at(rest.len() - TRIES_OF_AN_END);
    let between = Try::LeftOut(format!("{} more attempts between them", number(between.len() as u64)));
    first.iter().map(told).chain([between]).chain(last.iter().map(told)).collect()
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub fn telling<'a>(webhooks: &'a Webhooks, types: &'a EventTypes, zone: &'a Zone) -> Telling<'a> {
        Telling { webhooks, types, zone, now: "2026-11-21T10:52:00Z".parse().unwrap(), is_cut: false }
    }

    pub fn delivery(status: &str, attempts: u32, more: &Value) -> Value {
        let attempt = |number: u32| {
            json!({"number": number, "startedAt": "2026-11-21T10:50:02.000Z", "durationMs": 84,
                   "outcome": if status == "DELIVERED" && number == attempts { "delivered" } else { "http_5xx" },
                   "status": 200, "problem": null, "tlsProblem": null, "excerpt": null})
        };
        let mut all = json!({
            "id": "msg_1", "webhookId": "msg_1", "run": "live", "subscriptionId": "w-1", "eventType": "T", "eventId": "e-1",
            "subject": "FL-1", "environment": "production", "status": status, "issuedAtDateTime": "2026-11-21T10:50:02.000Z",
            "changedAtDateTime": "2026-11-21T10:50:02.000Z", "attemptsMade": attempts, "lastOutcome": null, "lastStatus": null,
            "nextAttemptAtDateTime": null, "attempts": (1..=attempts).map(attempt).collect::<Vec<_>>(),
            "next": {"what": "attempt 3 is due at 2026-11-21T10:53:10.000Z", "at": "2026-11-21T10:53:10.000Z"}
        });
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    }

    pub fn event(more: &Value) -> Event {
        let mut all = json!({
            "source": "/ops", "type": "T", "subject": "FL-1", "operator": "OPX", "contract": null, "environment": "production",
            "acceptedAtDateTime": "2026-11-21T10:50:02.000Z", "repeats": null, "deliveries": [], "nearMisses": []
        });
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn story(more: &Value) -> Story {
        let (webhooks, types, zone) =
            (Webhooks::default(), EventTypes { event_types: Vec::new() }, Zone::utc());
        Story::of(&event(more), None, &telling(&webhooks, &types, &zone))
    }

    #[test]
    fn it_says_who_got_it_and_who_did_not() {
        let miss = json!({"subscriptionId": "w-9", "reasons": [{"reason": "inactive", "detail": "it is not active"}]});
        let told = story(&json!({
            "deliveries": [delivery("DELIVERED", 1, &json!({})), delivery("RETRYING", 2, &json!({"subscriptionId": "w-2"})),
                           delivery("PENDING", 0, &json!({"subscriptionId": "w-2", "run": "redelivery"}))],
            "nearMisses": [miss], "nearMissesLeftOut": 1
        }));
        assert_eq!(told.matched.as_deref(), Some("Matched with 2 of 4 webhooks"));
        assert_eq!(
            (told.misses[0].name.as_str(), told.misses[0].reasons[0].as_str()),
            ("w-9", "It is not active.")
        );
        let [good, bad, again] = told.deliveries.as_slice() else { panic!("{}", told.deliveries.len()) };
        assert!(!good.is_bad && !good.is_under_way && bad.is_bad && bad.is_under_way);
        assert_eq!(
            (bad.next.text.as_str(), again.run, again.tries.len()),
            ("Attempt 3 is due at", "sent again", 0)
        );
        let Try::Made { result, what, .. } = &good.tries[0] else { panic!("left out") };
        assert_eq!((result.word.as_str(), what.as_str()), ("Delivered", "attempt 1: 200 after 84 ms"));
        assert_eq!(story(&json!({})).matched.as_deref(), Some("No webhook of yours is about this type"));
    }

    #[test]
    fn a_repeat_and_a_test_are_matched_with_nothing() {
        let repeat = story(&json!({"repeats": {"partition": 0, "offset": 7}}));
        assert!(repeat.is_repeat && repeat.matched.is_none());
        let test =
            story(&json!({"source": null, "deliveries": [delivery("EXPIRED", 1, &json!({"run": "test"}))]}));
        assert!(test.is_test && test.matched.is_none());
    }

    #[test]
    fn of_very_many_attempts_both_ends_are_told() {
        let told = story(
            &json!({"deliveries": [delivery("ESCALATED", 8, &json!({})), delivery("ESCALATED", 11, &json!({}))]}),
        );
        assert_eq!((told.deliveries[0].tries.len(), told.deliveries[1].tries.len()), (8, 7));
        assert!(
            matches!(&told.deliveries[1].tries[3], Try::LeftOut(text) if text == "5 more attempts between them")
        );
    }
}
