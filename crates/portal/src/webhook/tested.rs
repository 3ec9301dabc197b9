//! What became of a test event.

use axum::http::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::deliveries::took;
use crate::error::{sentence, words};
use crate::html::{State, indented};
use crate::model::{Attempt, Header, Request};
use crate::rest::Refused;
use crate::zone::{When, Zone};

/// `POST /subscriptions/{id}/test-events`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    pub id: String,
    pub attempt: Option<Attempt>,
    pub request: Option<Request>,
    pub body: Option<String>,
}

/// For people.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// It was refused before anything was sent.
    Refused {
        title: String,
        says: String,
    },
    Sent(Box<Sent>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Sent {
    pub verdict: Verdict,
    /// It was sent before, for the same form; this time nothing was.
    pub is_of_before: bool,
    /// Of the delivery.
    pub delivery: String,
    pub answer: Option<Answer>,
    /// `POST /path`, as it stands at the beginning of the request.
    pub line: String,
    pub headers: Vec<(String, Option<String>)>,
    pub body: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    NotTaken,
    /// Nothing was answered until now.
    UnderWay,
    /// It was not sent after all.
    NotSent,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// `None`: there was none.
    pub status: Option<u32>,
    /// With its reason: `200 OK`.
    pub line: String,
    pub took: String,
    pub sent_at: When,
    /// Why there was none, or what is wrong with it.
    pub problem: Option<String>,
    pub excerpt: Option<String>,
}

impl Shown {
    pub fn refused(refused: &Refused) -> Self {
        let words = words(refused);
        let then = match refused {
            Refused::Unavailable(_) | Refused::Broken(_) => {
                "Whether it was sent is not known. Send it again: this page sends it once, however often you ask."
            }
            _ => "Nothing was sent.",
        };
        Self::Refused { title: words.title.to_owned(), says: format!("{} {then}", words.says) }
    }

    /// `url` is that of the webhook, for when the answer does not say it.
    pub fn of(tested: Tested, under_way: bool, url: &str, zone: &Zone) -> Self {
        let verdict = match &tested.attempt {
            Some(attempt) if attempt.is_good() => Verdict::Taken,
            Some(_) => Verdict::NotTaken,
            None if under_way => Verdict::UnderWay,
            None => Verdict::NotSent,
        };
        // No body is told of a test that was sent before, nor of one whose body could not be made, which is no fault of others.
        let is_ours = tested.attempt.as_ref().is_some_and(|attempt| attempt.outcome == "platform_error");
        let (url, headers) = match tested.request {
            Some(request) => (request.url, request.headers),
            None => (url.to_owned(), Vec::new()),
        };
        let header = |Header { name, value }| (name, value);
        Self::Sent(Box::new(Sent {
            verdict,
            is_of_before: tested.body.is_none() && !is_ours,
            delivery: tested.id,
            answer: tested.attempt.map(|attempt| answer(attempt, zone)),
            line: format!("POST {}", place(&url)),
            headers: headers.into_iter().map(header).collect(),
            body: tested.body.map(|body| indented(&body)),
        }))
    }
}

impl Sent {
    pub fn state(&self) -> State {
        match self.verdict {
            Verdict::Taken => State::new("Delivered", "s-done"),
            Verdict::NotTaken => State::FAILED,
            Verdict::UnderWay => State::new("Pending", "s-new"),
            Verdict::NotSent => State::new("Not sent", "s-cut"),
        }
    }
}

fn answer(attempt: Attempt, zone: &Zone) -> Answer {
    let problem = attempt.problem.or(attempt.tls_problem);
    Answer {
        status: attempt.status,
        line: attempt.status.map_or_else(|| "No answer".to_owned(), with_reason),
        took: took(attempt.duration_ms),
        sent_at: zone.clock(attempt.started_at),
        problem: problem.map(|problem| sentence(&problem)),
        excerpt: attempt.excerpt.filter(|excerpt| !excerpt.is_empty()),
    }
}

fn with_reason(status: u32) -> String {
    let known = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    match known.and_then(|status| status.canonical_reason()) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// What of a URL stands in the request.
fn place(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{}{query}", url.path())
        }
        Err(_) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(attempt: &Value, under_way: bool) -> Sent {
        let answered = json!({
            "id": "msg_1", "webhookId": "msg_1", "eventId": "e", "eventType": "T", "status": "EXPIRED", "attempt": attempt,
            "request": {"url": "https://a.example/x?y=1", "headers": [
                {"name": "content-type", "value": "application/json"}, {"name": "authorization", "value": null},
            ]},
            "body": "{\"a\":1}",
        });
        let tested: Tested = serde_json::from_value(answered).unwrap();
        match Shown::of(tested, under_way, "https://other.example", &Zone::utc()) {
            Shown::Sent(sent) => *sent,
            other @ Shown::Refused { .. } => panic!("{other:?}"),
        }
    }

    fn attempt(outcome: &str, status: &Value) -> Value {
        json!({"number": 1, "startedAt": "2026-11-21T10:52:08.000Z", "durationMs": 1_240, "outcome": outcome,
            "status": status, "problem": "the connection was refused", "tlsProblem": null, "excerpt": "<b>"})
    }

    #[test]
    fn request_answer_and_time_are_shown() {
        let sent = shown(&attempt("http_5xx", &json!(500)), false);
        assert_eq!((sent.verdict, sent.line.as_str()), (Verdict::NotTaken, "POST /x?y=1"));
        assert_eq!(sent.headers[1], ("authorization".to_owned(), None));
        assert_eq!(sent.body.as_deref(), Some("{\n  \"a\": 1\n}"));
        let answer = sent.answer.unwrap();
        assert_eq!((answer.line.as_str(), answer.took.as_str()), ("500 Internal Server Error", "1.2 s"));
        assert_eq!(answer.problem.as_deref(), Some("The connection was refused."));
        assert_eq!(answer.excerpt.as_deref(), Some("<b>"));
        let verdict = |attempt: &Value, under_way| shown(attempt, under_way).verdict;
        assert_eq!(verdict(&attempt("delivered", &json!(200)), false), Verdict::Taken);
        assert_eq!(
            (verdict(&Value::Null, true), verdict(&Value::Null, false)),
            (Verdict::UnderWay, Verdict::NotSent)
        );
        let answer = shown(&attempt("timeout", &Value::Null), false).answer.unwrap();
        assert_eq!((answer.status, answer.line.as_str()), (None, "No answer"));
        assert_eq!((with_reason(299), place("no url")), ("299".to_owned(), "no url".to_owned()));
    }

    #[test]
    fn an_answer_without_the_request_still_says_where_it_went() {
        let sent = without_body(&Value::Null);
        assert_eq!((sent.line.as_str(), &sent.body), ("POST /hook", &None));
    }

    #[test]
    fn a_test_of_before_is_told_from_one_that_could_not_be_made() {
        assert!(without_body(&attempt("delivered", &json!(200))).is_of_before);
        assert!(without_body(&Value::Null).is_of_before);
        assert!(!without_body(&attempt("platform_error", &Value::Null)).is_of_before);
        assert!(!shown(&attempt("delivered", &json!(200)), false).is_of_before);
    }

    fn without_body(attempt: &Value) -> Sent {
        let tested = serde_json::from_value(json!({"id": "msg_1", "attempt": attempt})).unwrap();
        match Shown::of(tested, true, "https://a.example/hook", &Zone::utc()) {
            Shown::Sent(sent) => *sent,
            other @ Shown::Refused { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_known_not_to_be_sent_is_called_that() {
        let said = |refused| match Shown::refused(&refused) {
            Shown::Refused { says, .. } => says,
            Shown::Sent(sent) => panic!("{sent:?}"),
        };
        assert!(
            said(Refused::Conflict("it is inactive".to_owned()))
                .ends_with("It is inactive. Nothing was sent.")
        );
        let unknown = said(Refused::Unavailable("it was not confirmed".to_owned()));
        assert!(unknown.contains("is not known") && !unknown.contains("Nothing was sent"), "{unknown}");
    }
}
