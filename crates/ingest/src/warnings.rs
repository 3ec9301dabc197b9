//! What is said now and then: what is accepted although its data does not fit the schema of its type, and what is rejected.

use aerogram_domain::intake::{Accepted, Code, Refusal};
use aerogram_telemetry::names;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time between log lines about the same.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// Of what is wrong, so much is logged.
const SAID_MAX: usize = 5;

/// When what was said of which event type and of which source. The catalogue and the settings bound how many there are.
#[derive(Default)]
pub struct Warnings {
    types: Mutex<HashMap<String, Instant>>,
    refused: Mutex<HashMap<(String, Code), Said>>,
}

struct Said {
    at: Instant,
    unsaid: u64,
}

impl Warnings {
    /// Counts the event if there are findings, and logs them unless that was done for its type within a minute.
    pub fn tell(&self, accepted: &Accepted, from: &str) {
        let Some(event) = accepted.envelope.event.as_ref().filter(|_| !accepted.warnings.is_empty()) else {
            return;
        };
        let event_type = event.r#type.clone();
        metrics::counter!(names::INGEST_SCHEMA_WARNINGS_TOTAL, "type" => event_type.clone()).increment(1);
        if self.may_say(&event_type, Instant::now()) {
            let said: Vec<String> =
                accepted.warnings.iter().take(SAID_MAX).map(ToString::to_string).collect();
            tracing::warn!(
                event_type,
                id = event.id,
                from,
                "an event's data does not fit the schema of its type; it is accepted: {}",
                said.join("; ")
            );
        }
    }

    /// Logs that a record of a source's topic is rejected, unless that was done for topic and reason within a minute.
    /// Nothing of the record is told: it is a customer's.
    pub fn refused(&self, topic: &str, partition: i32, offset: i64, refusal: &Refusal) {
        let code = refusal.code();
        if let Some(unsaid) = self.may_say_refused(topic, code, Instant::now()) {
            tracing::warn!(
                topic,
                reason = code.as_str(),
                partition,
                offset,
                unsaid,
                "a record cannot be accepted and is set aside; `aerogram rejected list` shows it with what is wrong, and \
                 `aerogram rejected retry` accepts it once that is mended"
            );
        }
    }

    /// `None`: not now; otherwise how often it was left unsaid since the last line.
    fn may_say_refused(&self, topic: &str, code: Code, now: Instant) -> Option<u64> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = refused.get_mut(&(topic.to_owned(), code)) else {
            refused.insert((topic.to_owned(), code), Said { at: now, unsaid: 0 });
            return Some(0);
        };
        if now.duration_since(said.at) < SAY_EVERY {
            said.unsaid += 1;
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.unsaid))
    }

    fn may_say(&self, event_type: &str, now: Instant) -> bool {
        let mut said = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(event_type).is_some_and(|last| now.duration_since(*last) < SAY_EVERY) {
            return false;
        }
        said.insert(event_type.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_spoken_of_once_a_minute() {
        let (warnings, start) = (Warnings::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(warnings.may_say("A", start) && warnings.may_say("B", start));
        assert!(!warnings.may_say("A", after(59)) && warnings.may_say("A", after(60)));
        assert!(!warnings.may_say("A", after(119)) && warnings.may_say("B", after(119)));
    }

    #[test]
    fn a_topics_reason_is_spoken_of_once_a_minute_with_their_number() {
        let (warnings, start) = (Warnings::default(), Instant::now());
        let say = |topic, code, seconds| {
            warnings.may_say_refused(topic, code, start + Duration::from_secs(seconds))
        };
        assert_eq!(say("a", Code::Empty, 0), Some(0));
        assert_eq!((say("a", Code::Malformed, 0), say("b", Code::Empty, 0)), (Some(0), Some(0)));
        assert_eq!((say("a", Code::Empty, 1), say("a", Code::Empty, 59)), (None, None));
        assert_eq!((say("a", Code::Empty, 60), say("a", Code::Empty, 120)), (Some(2), Some(0)));
    }
}
