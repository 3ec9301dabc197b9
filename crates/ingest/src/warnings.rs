//! What is said now and then: what is accepted although its data does not fit the schema of its type, and what is rejected.

use aerogram_domain::intake::{Accepted, Code, Refusal};
use aerogram_telemetry::{Said, names};
use std::time::Instant;

/// Of what is wrong, so much is logged.
const FINDINGS_MAX: usize = 5;
/// Event types, and reasons of a source, of which the last line is remembered, at most.
const REMEMBERED_MAX: usize = 1_024;

/// When what was said of which event type and of which source.
pub struct Warnings {
    types: Said,
    refused: Said,
}

impl Default for Warnings {
    fn default() -> Self {
        Self { types: Said::of(REMEMBERED_MAX), refused: Said::of(REMEMBERED_MAX) }
    }
}

impl Warnings {
    /// Counts the event if there are findings, and logs them unless that was done for its type within a minute.
    pub fn tell(&self, accepted: &Accepted, from: &str) {
        let Some(event) = accepted.envelope.event.as_ref().filter(|_| !accepted.warnings.is_empty()) else {
            return;
        };
        let event_type = event.r#type.as_str();
        metrics::counter!(names::INGEST_SCHEMA_WARNINGS_TOTAL, "type" => event_type.to_owned()).increment(1);
        let Some(unsaid) = self.types.may_say(event_type, Instant::now()) else { return };
        let findings: Vec<String> =
            accepted.warnings.iter().take(FINDINGS_MAX).map(ToString::to_string).collect();
        tracing::warn!(
            event_type,
            id = event.id,
            from,
            unsaid,
            "an event's data does not fit the schema of its type; it is accepted: {}",
            findings.join("; ")
        );
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
        self.refused.may_say(&format!("{topic} {}", code.as_str()), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_type_is_spoken_of_once_a_minute() {
        let (types, start) = (Warnings::default().types, Instant::now());
        let say = |event_type, seconds| types.may_say(event_type, start + Duration::from_secs(seconds));
        assert_eq!((say("A", 0), say("B", 0)), (Some(0), Some(0)));
        assert_eq!((say("A", 59), say("A", 60)), (None, Some(1)));
        assert_eq!((say("A", 119), say("B", 119)), (None, Some(0)));
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
