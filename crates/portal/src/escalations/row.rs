//! A row of the list.

use jiff::Timestamp;

use super::model::{Escalation, Resolution};
use super::words;
use crate::deliveries::{answer, events_href, of_this_year, webhook_href};
use crate::html::{State, number, shortened};
use crate::model::EventTypes;
use crate::rest::path;
use crate::zone::{When, Zone};

/// As the list shows it.
pub struct Row {
    pub href: String,
    pub given_up: When,
    pub event_type: String,
    pub subject: String,
    pub subject_href: String,
    pub webhook: String,
    pub webhook_href: String,
    /// It was deleted, and its id is all that is known.
    pub is_deleted: bool,
    pub reason: &'static str,
    pub fault: &'static str,
    pub attempts: String,
    pub last: Option<String>,
    pub state: State,
    pub note: Option<Note>,
}

/// What people made of it.
pub enum Note {
    By(String, When),
    /// In their words.
    Why(String),
}

impl Row {
    /// `url` is that of the webhook, if there is one that was not deleted.
    pub fn of(of: &Escalation, url: Option<&str>, types: &EventTypes, zone: &Zone, now: Timestamp) -> Self {
        Self {
            href: href(&of.id),
            given_up: of_this_year(of.escalated_at, zone, now),
            event_type: types.title(&of.event_type).to_owned(),
            subject: of.subject.clone(),
            subject_href: events_href(&of.subject),
            webhook: url.map_or_else(|| of.subscription_id.clone(), |url| shortened(url).to_owned()),
            webhook_href: webhook_href(&of.subscription_id),
            is_deleted: url.is_none(),
            reason: words::reason(&of.reason),
            fault: words::fault(&of.fault),
            attempts: number(of.attempts_made.into()),
            last: of.last_outcome.as_deref().map(|last| answer(last, of.last_status)),
            state: words::state(&of.state),
            note: of.resolution.as_ref().map(|resolution| Note::of(resolution, zone)),
        }
    }
}

impl Note {
    fn of(resolution: &Resolution, zone: &Zone) -> Self {
        match &resolution.why {
            Some(why) => Self::Why(why.clone()),
            None => Self::By(resolution.by.clone(), zone.minute(resolution.at)),
        }
    }
}

/// The page of one.
pub fn href(id: &str) -> String {
    format!("{}{}", crate::BASE, path(&["escalations", id]))
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub fn escalation(more: &Value) -> Escalation {
        let mut all = json!({
            "id": "msg_4c1f", "webhookId": "msg_4c1f", "escalatedAt": "2026-11-21T09:12:44.000Z", "state": "open",
            "reason": "exhausted", "fault": "receiver", "partner": "partner-app", "operator": "OPX", "subscriptionId": "w-1",
            "eventType": "FLIGHT_CREATE", "eventId": "e-1", "subject": "FL-20102", "environment": "production",
            "attemptsMade": 11, "lastOutcome": "timeout", "lastStatus": null, "resolution": null
        });
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    pub fn types() -> EventTypes {
        EventTypes { event_types: Vec::new() }
    }

    #[test]
    fn a_row_says_what_became_of_it() {
        let now = "2026-11-21T11:00:00Z".parse().unwrap();
        let of = |more: &Value| Row::of(&escalation(more), None, &types(), &Zone::utc(), now);
        let open = of(&json!({}));
        assert_eq!((open.state.word, open.last.as_deref()), ("Open", Some("No answer in time")));
        assert!(open.note.is_none() && open.is_deleted);
        assert_eq!(open.given_up.text, "21 Nov, 09:12:44");
        let done = of(&json!({"state": "redelivered", "resolution": {
            "kind": "redelivered", "by": "partner-app", "at": "2026-11-21T11:00:00.000Z", "redeliveredAs": "msg_4c1f-5b"}}));
        assert!(matches!(done.note, Some(Note::By(by, _)) if by == "partner-app"));
        let dismissed = of(&json!({"state": "dismissed", "lastOutcome": null, "resolution": {
            "kind": "dismissed", "by": "partner-app", "at": "2026-11-21T11:00:00.000Z", "why": "flight is over"}}));
        assert!(matches!(dismissed.note, Some(Note::Why(why)) if why == "flight is over"));
        assert_eq!((dismissed.state.word, dismissed.last), ("Dismissed", None));
    }
}
