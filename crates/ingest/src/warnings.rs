//! What is accepted although its data does not fit the schema of its type: counted each time, said now and then.

use aerogram_domain::intake::Accepted;
use aerogram_telemetry::names;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time between log lines about one event type.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// Of what is wrong, so much is logged.
const SAID_MAX: usize = 5;

/// When what was said of which event type. The catalogue bounds how many there are.
#[derive(Default)]
pub struct SchemaWarnings(Mutex<HashMap<String, Instant>>);

impl SchemaWarnings {
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

    fn may_say(&self, event_type: &str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let (warnings, start) = (SchemaWarnings::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(warnings.may_say("A", start) && warnings.may_say("B", start));
        assert!(!warnings.may_say("A", after(59)) && warnings.may_say("A", after(60)));
        assert!(!warnings.may_say("A", after(119)) && warnings.may_say("B", after(119)));
    }
}
