//! A row of the list.

use jiff::Timestamp;

use super::outcome;
use crate::html::{State, number, shortened};
use crate::model::{Delivery, EventTypes};
use crate::rest::{path, query_of};
use crate::zone::{When, Zone};

/// How what the receiver took is named by REST.
pub const DELIVERED: &str = "DELIVERED";

/// A delivery as the list shows it.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    /// Where it stands by itself.
    pub href: String,
    /// Whether its details follow.
    pub open: bool,
    pub issued: When,
    pub event_type: String,
    /// How it came about, if it is not the first run of an event.
    pub run: &'static str,
    pub subject: String,
    pub subject_href: String,
    pub webhook: String,
    pub webhook_href: String,
    /// It was deleted, and its id is all that is known.
    pub is_deleted: bool,
    pub state: State,
    /// The receiver has taken it.
    pub was_taken: bool,
    pub attempts: String,
    pub last: Option<String>,
    pub next: NextAttempt,
}

/// When something happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextAttempt {
    Never,
    At(When),
    Soon(&'static str),
}

impl Row {
    /// `url` is that of the webhook, if there is one that was not deleted.
    pub fn of(
        delivery: &Delivery,
        url: Option<&str>,
        types: &EventTypes,
        zone: &Zone,
        now: Timestamp,
    ) -> Self {
        let next = next_attempt(delivery, zone, now);
        Self {
            href: href(&delivery.id),
            id: delivery.id.clone(),
            open: false,
            issued: zone.second(delivery.issued_at_date_time),
            event_type: types.title(&delivery.event_type).to_owned(),
            run: run(delivery),
            subject_href: events_href(&delivery.subject),
            subject: delivery.subject.clone(),
            webhook: url.map_or_else(|| delivery.subscription_id.clone(), |url| shortened(url).to_owned()),
            webhook_href: webhook_href(&delivery.subscription_id),
            is_deleted: url.is_none(),
            state: State::of_delivery(&delivery.status),
            was_taken: delivery.status == DELIVERED,
            attempts: number(delivery.attempts_made.into()),
            last: delivery.last_outcome.as_deref().map(|last| outcome::answer(last, delivery.last_status)),
            next,
        }
    }

    /// Opens it, or closes it when it is open.
    pub fn turn_href(&self) -> String {
        format!("{}/row{}", self.href, if self.open { "?open=false" } else { "" })
    }
}

/// Nothing more happens with it.
pub fn has_ended(status: &str) -> bool {
    !matches!(status, "PENDING" | "RETRYING" | "PARKED")
}

/// The page of a delivery.
pub fn href(id: &str) -> String {
    format!("{}{}", crate::BASE, path(&["deliveries", id]))
}

pub fn webhook_href(id: &str) -> String {
    format!("{}{}", crate::BASE, path(&["webhooks", id]))
}

/// What there is of a subject.
pub fn events_href(subject: &str) -> String {
    format!("{}/events?{}", crate::BASE, query_of([("q", subject)]))
}

/// Of the first run of an event nothing needs to be said.
pub fn run(delivery: &Delivery) -> &'static str {
    match delivery.run.as_str() {
        "redelivery" => "Sent again",
        "test" => "Test event",
        _ => "",
    }
}

fn next_attempt(delivery: &Delivery, zone: &Zone, now: Timestamp) -> NextAttempt {
    if has_ended(&delivery.status) {
        return NextAttempt::Never;
    }
    if delivery.status == "PARKED" {
        return NextAttempt::Soon("When the receiver is back");
    }
    match delivery.next_attempt_at_date_time.filter(|due| *due > now) {
        // Its turn may be when the receiver is back: its page says so, where that is known.
        None => NextAttempt::Soon("When its turn comes"),
        Some(due) => NextAttempt::At(of_today(due, zone, now)),
    }
}

/// Only the clock, if it is today where the viewer is.
pub fn of_today(time: Timestamp, zone: &Zone, now: Timestamp) -> When {
    let day = |time| zone.format(time, "%Y-%m-%d");
    if day(time) == day(now) { zone.clock(time) } else { zone.second(time) }
}

/// Without the year, if it is that of today where the viewer is.
pub fn of_this_year(time: Timestamp, zone: &Zone, now: Timestamp) -> When {
    let year = |time| zone.format(time, "%Y");
    let when = zone.second(time);
    if year(time) == year(now) { When { text: zone.format(time, "%-d %b, %H:%M:%S"), ..when } } else { when }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;

    pub fn delivery(more: &serde_json::Value) -> Delivery {
        let mut delivery = json!({
            "id": "msg_4c1f", "webhookId": "msg_4c1f", "run": "live", "subscriptionId": "w 1", "eventType": "OrderCreated",
            "eventId": "e-1", "subject": "AGW/1&x=<b>", "environment": "production", "status": "RETRYING",
            "issuedAtDateTime": "2026-11-21T10:50:02.118Z", "changedAtDateTime": "2026-11-21T10:50:08.000Z",
            "attemptsMade": 2, "lastOutcome": "http_5xx", "lastStatus": 503,
            "nextAttemptAtDateTime": "2026-11-21T10:53:10.000Z",
        });
        for (name, value) in more.as_object().unwrap() {
            delivery[name] = value.clone();
        }
        serde_json::from_value(delivery).unwrap()
    }

    pub fn types() -> EventTypes {
        serde_json::from_value(json!({"eventTypes": [
            {"name": "OrderCreated", "title": "Order created", "family": "order", "kind": "fact", "when": "", "subject": null},
        ]}))
        .unwrap()
    }

    pub fn row(more: &serde_json::Value, url: Option<&str>) -> Row {
        let now = "2026-11-21T10:52:00Z".parse().unwrap();
        Row::of(&delivery(more), url, &types(), &Zone::of(Some("Europe/Madrid")), now)
    }

    #[test]
    fn a_row_tells_how_its_delivery_stands() {
        let row = row(&json!({}), Some("https://a.example/x"));
        assert_eq!((row.event_type.as_str(), row.webhook.as_str()), ("Order created", "a.example/x"));
        assert_eq!(
            (row.state.word, row.attempts.as_str(), row.last.as_deref()),
            ("Retrying", "2", Some("503"))
        );
        assert_eq!(row.subject_href, "/portal/events?q=AGW%2F1%26x%3D%3Cb%3E");
        assert_eq!((row.webhook_href.as_str(), row.is_deleted), ("/portal/webhooks/w%201", false));
        assert_eq!(row.turn_href(), "/portal/deliveries/msg_4c1f/row");
        assert_eq!(Row { open: true, ..row }.turn_href(), "/portal/deliveries/msg_4c1f/row?open=false");
    }

    #[test]
    fn the_next_attempt_is_a_time_or_what_it_waits_for() {
        let next = |more| row(&more, None).next;
        let NextAttempt::At(today) = next(json!({})) else { panic!("no time") };
        assert_eq!(today.text, "11:53:10");
        let tomorrow = next(json!({"nextAttemptAtDateTime": "2026-11-21T23:00:00Z"}));
        assert!(matches!(tomorrow, NextAttempt::At(When { text, .. }) if text == "22 Nov 2026, 00:00:00"));
        let due = json!({"nextAttemptAtDateTime": "2026-11-21T10:51:59Z", "status": "PENDING"});
        assert_eq!(next(due), NextAttempt::Soon("When its turn comes"));
        assert_eq!(next(json!({"status": "PARKED"})), NextAttempt::Soon("When the receiver is back"));
        assert_eq!(next(json!({"status": "DELIVERED"})), NextAttempt::Never);
    }

    #[test]
    fn a_time_of_another_year_says_which() {
        let zone = Zone::of(Some("Europe/Madrid"));
        let of =
            |time: &str| of_this_year(time.parse().unwrap(), &zone, "2026-11-21T10:52:00Z".parse().unwrap());
        assert_eq!(of("2026-01-02T10:50:02Z").text, "2 Jan, 11:50:02");
        // There the year has begun.
        assert_eq!(of("2025-12-31T23:30:00Z").text, "1 Jan, 00:30:00");
        assert_eq!(of("2025-12-31T22:30:00Z").text, "31 Dec 2025, 23:30:00");
    }

    #[test]
    fn what_the_receiver_took_is_known_to_be() {
        assert!(row(&json!({"status": "DELIVERED"}), None).was_taken && !row(&json!({}), None).was_taken);
    }

    #[test]
    fn of_a_deleted_webhook_its_id_is_left() {
        let row = row(&json!({"run": "redelivery", "lastOutcome": null}), None);
        assert_eq!((row.webhook.as_str(), row.is_deleted, row.run), ("w 1", true, "Sent again"));
        assert_eq!(row.last, None);
    }
}
