//! All that is known of a delivery.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::attempts::AttemptTable;
use super::next::{Next, Step};
use super::row::{has_ended, href, webhook_href};
use crate::error::sentence;
use crate::html::indented;
use crate::model::{Attempt, Delivery, Header, Request};
use crate::rest::{Refused, path};
use crate::viewer::Viewer;

/// `GET /deliveries/{id}`
#[derive(Debug)]
pub struct Known {
    pub delivery: Delivery,
    pub more: More,
}

/// What the list does not tell.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct More {
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    next: Option<Step>,
    pub callback_url: Option<String>,
    event: Option<Event>,
    body: Option<String>,
    body_is: Option<String>,
    body_missing: Option<String>,
    request: Option<Request>,
}

#[derive(Debug, Deserialize)]
struct Event {
    data: Option<Box<RawValue>>,
}

/// The same for people.
#[derive(Clone, Debug)]
pub struct Detail {
    pub id: String,
    pub href: String,
    pub next: Next,
    /// A word more to it.
    pub says: String,
    pub attempts: AttemptTable,
    pub sent: Sent,
    /// `None`: there is no webhook any more, or it is not known.
    pub headers: Option<Vec<Line>>,
    pub event_href: Option<String>,
    pub repair: Repair,
}

/// The body, or what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub text: Option<String>,
    pub says: String,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    /// Another one with each attempt.
    EachTime,
    Secret,
}

/// What can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// At this address, which asks first.
    Redeliver(String),
    /// With where a test event can be sent, if it has a webhook.
    UnderWay(Option<String>),
    /// With where another one can be sent.
    WasATest(Option<String>),
    /// Its webhook was deleted, so nothing can.
    NoReceiver,
    /// The viewer may not change anything.
    NotAllowed,
}

impl Known {
    /// # Errors
    /// As REST refuses to show it.
    pub async fn of(viewer: &Viewer, id: &str) -> Result<Self, Refused> {
        let path = path(&["deliveries", id]);
        let answer = viewer.rest.send(axum::http::Method::GET, &path, None, &[]).await?;
        Ok(Self { delivery: answer.read()?, more: answer.read()? })
    }

    pub fn repair(&self, may_write: bool) -> Repair {
        let webhook = self.more.callback_url.as_ref();
        let test = webhook.map(|_| format!("{}/test", webhook_href(&self.delivery.subscription_id)));
        let test = test.filter(|_| may_write);
        if self.delivery.run == "test" {
            Repair::WasATest(test)
        } else if !has_ended(&self.delivery.status) {
            Repair::UnderWay(test)
        } else if webhook.is_none() {
            Repair::NoReceiver
        } else if may_write {
            Repair::Redeliver(format!("{}/redeliver", href(&self.delivery.id)))
        } else {
            Repair::NotAllowed
        }
    }

    pub fn detail(&self, viewer: &Viewer) -> Detail {
        let (delivery, more) = (&self.delivery, &self.more);
        let issued = viewer.zone.second(delivery.issued_at_date_time).text;
        let label = format!("Attempts, {}, {issued}", delivery.subject);
        let event = more.event.as_ref().map(|_| crate::events::href(&delivery.event_id));
        Detail {
            id: delivery.id.clone(),
            href: href(&delivery.id),
            next: Next::of(more.next.as_ref(), &viewer.zone, viewer.now),
            says: says(delivery, &more.attempts),
            attempts: AttemptTable::of(&more.attempts, &viewer.zone, label),
            sent: sent(delivery, more),
            headers: more.request.as_ref().map(|request| request.headers.iter().map(line).collect()),
            event_href: event,
            repair: self.repair(viewer.may_write()),
        }
    }
}

fn says(delivery: &Delivery, attempts: &[Attempt]) -> String {
    let made = delivery.attempts_made;
    let failed = if attempts.iter().any(Attempt::is_good) { made.saturating_sub(1) } else { made };
    match (has_ended(&delivery.status), made, failed) {
        (_, 0, _) => String::new(),
        (true, ..) if delivery.status == "DELIVERED" => format!("At attempt {made}."),
        (_, _, 1) => "One attempt failed.".to_owned(),
        _ => format!("{failed} attempts failed."),
    }
}

fn sent(delivery: &Delivery, more: &More) -> Sent {
    if let Some(body) = &more.body {
        let is = match more.body_is.as_deref() {
            Some("as_sent") => "As it was sent",
            _ if !more.attempts.is_empty() => {
                "As it would be sent today: the webhook was changed after the last attempt"
            }
            _ if has_ended(&delivery.status) => "As it would be sent today: no attempt was made",
            _ => "As it will be sent",
        };
        return match serde_json::from_str::<IgnoredAny>(body) {
            Ok(_) => Sent { text: Some(indented(body)), says: format!("{is}, but indented here.") },
            Err(_) => Sent { text: Some(body.clone()), says: format!("{is}.") },
        };
    }
    let why = sentence(more.body_missing.as_deref().unwrap_or("it is not known what was sent"));
    match more.event.as_ref().and_then(|event| event.data.as_ref()) {
        Some(data) => {
            Sent { text: Some(indented(data.get())), says: format!("What the event said, indented. {why}") }
        }
        None => Sent { text: None, says: why },
    }
}

fn line(Header { name, value }: &Header) -> Line {
    let value = match (value, name.as_str()) {
        (Some(value), _) => Value::Text(value.clone()),
        (None, "webhook-timestamp" | "traceparent") => Value::EachTime,
        (None, _) => Value::Secret,
    };
    Line { name: name.clone(), value }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::super::row::tests::delivery;
    use super::*;

    pub fn known(delivery_more: &serde_json::Value, more: &str) -> Known {
        Known { delivery: delivery(delivery_more), more: serde_json::from_str(more).unwrap() }
    }

    const ATTEMPT: &str = r#"{"number":1,"startedAt":"2026-11-21T10:50:02Z","durationMs":5,"outcome":"http_5xx","status":503,
        "problem":null,"tlsProblem":null,"excerpt":null}"#;

    fn sent_of(status: &str, more: &str) -> Sent {
        let known = known(&json!({"status": status}), more);
        sent(&known.delivery, &known.more)
    }

    #[test]
    fn the_body_is_indented_only_if_it_is_json_and_that_is_said() {
        let json =
            format!(r#"{{"attempts":[{ATTEMPT}],"body":"{{\"b\":1.50,\"a\":2}}","bodyIs":"as_sent"}}"#);
        let sent = sent_of("RETRYING", &json);
        assert_eq!(sent.text.as_deref(), Some("{\n  \"b\": 1.50,\n  \"a\": 2\n}"));
        assert_eq!(sent.says, "As it was sent, but indented here.");
        let text = format!(r#"{{"attempts":[{ATTEMPT}],"body":"a: {{b","bodyIs":"by_todays_template"}}"#);
        let sent = sent_of("RETRYING", &text);
        assert_eq!(sent.text.as_deref(), Some("a: {b"));
        assert!(sent.says.starts_with("As it would be sent today") && sent.says.ends_with("attempt."));
        assert_eq!(sent_of("PENDING", r#"{"body":"{}"}"#).says, "As it will be sent, but indented here.");
        assert!(sent_of("SUPERSEDED", r#"{"body":"{}"}"#).says.contains("no attempt was made"));
    }

    #[test]
    fn without_a_body_the_event_and_the_reason_are_left() {
        let missing =
            r#"{"bodyMissing":"its subscription is deleted","event":{"id":"e","data":{"z":1,"a":[]}}}"#;
        let sent = sent_of("CANCELLED", missing);
        assert_eq!(sent.text.as_deref(), Some("{\n  \"z\": 1,\n  \"a\": []\n}"));
        assert_eq!(sent.says, "What the event said, indented. Its subscription is deleted.");
        let not_entitled = r#"{"bodyMissing":"not yours","event":{"id":"e","data":null}}"#;
        assert_eq!(sent_of("CANCELLED", not_entitled), Sent { text: None, says: "Not yours.".to_owned() });
    }

    #[test]
    fn a_header_without_a_value_is_hidden() {
        let header = |name: &str, value: Option<&str>| {
            line(&Header { name: name.to_owned(), value: value.map(str::to_owned) }).value
        };
        assert_eq!(
            header("content-type", Some("application/json")),
            Value::Text("application/json".to_owned())
        );
        assert_eq!(header("authorization", None), Value::Secret);
        assert_eq!(header("webhook-signature", None), Value::Secret);
        assert_eq!(header("webhook-timestamp", None), Value::EachTime);
    }

    #[test]
    fn only_what_has_ended_and_has_a_receiver_is_sent_again() {
        let there = r#"{"callbackUrl":"https://a.example"}"#;
        let of = |more: serde_json::Value, known_more: &str| known(&more, known_more).repair(true);
        let redeliver = "/portal/deliveries/msg_4c1f/redeliver".to_owned();
        assert_eq!(of(json!({"status": "DELIVERED"}), there), Repair::Redeliver(redeliver));
        let test = Some("/portal/webhooks/w%201/test".to_owned());
        assert_eq!(of(json!({"status": "PARKED"}), there), Repair::UnderWay(test.clone()));
        assert_eq!(of(json!({"status": "EXPIRED", "run": "test"}), there), Repair::WasATest(test));
        assert_eq!(of(json!({"status": "CANCELLED"}), "{}"), Repair::NoReceiver);
        assert_eq!(known(&json!({"status": "DELIVERED"}), there).repair(false), Repair::NotAllowed);
    }

    #[test]
    fn how_many_attempts_failed_is_told_in_words() {
        let of = |status: &str, made: u32, more: &str| {
            let known = known(&json!({"status": status, "attemptsMade": made}), more);
            says(&known.delivery, &known.more.attempts)
        };
        let failed = format!(r#"{{"attempts":[{ATTEMPT}]}}"#);
        assert_eq!(
            (of("PENDING", 0, "{}"), of("RETRYING", 1, &failed)),
            (String::new(), "One attempt failed.".to_owned())
        );
        assert_eq!(of("ESCALATED", 11, &failed), "11 attempts failed.");
        let good = failed.replace("http_5xx", "delivered");
        assert_eq!(of("DELIVERED", 3, &good), "At attempt 3.");
    }
}
