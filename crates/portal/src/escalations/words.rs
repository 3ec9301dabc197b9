//! What people read of a delivery that was given up; the only place that has these words.

use crate::html::{State, number};

/// Reasons as REST names them, with what a list and a page say of them; the first one is told with its policy.
pub const REASONS: [(&str, &str, &str); 4] = [
    ("exhausted", "Its last attempt failed", "All attempts of its retry policy were made."),
    (
        "gone",
        "The receiver answered 410",
        "Its receiver said that it is gone for good, so nothing else was tried.",
    ),
    ("platform", "Fault of the platform", "We could not send it, for longer than its schedule and a day."),
    ("gave_up", "It failed for days", "Every attempt failed for days, so its webhook was made inactive."),
];

/// Whose fault it was.
pub const FAULTS: [(&str, &str); 2] = [("receiver", "Receiver"), ("platform", "Platform")];

/// What people made of it, with the names that REST has for that.
pub const STATES: [(&str, State); 4] = [
    (OPEN, State::new("Open", "s-up")),
    ("redelivering", State::new("Being redelivered", "s-again")),
    // What became of the new run is not known here.
    ("redelivered", State::new("Sent again", "s-past")),
    ("dismissed", State::new("Dismissed", "s-past")),
];

pub const OPEN: &str = "open";

/// In a few words.
pub fn reason(name: &str) -> &'static str {
    REASONS.iter().find(|(known, ..)| *known == name).map_or("Another reason", |(_, words, _)| words)
}

/// In a sentence or two.
pub fn why(name: &str, attempts_made: u32, policy: &str) -> String {
    let made = number(attempts_made.into());
    if name == REASONS[0].0 {
        return match attempts_made {
            1 => format!("The one attempt of the policy {policy} was made."),
            _ => format!("All {made} attempts of the policy {policy} were made."),
        };
    }
    let why = REASONS
        .iter()
        .find(|(known, ..)| *known == name)
        .map_or("It was given up.", |(.., sentence)| sentence);
    let made = match attempts_made {
        1 => "One attempt was made.".to_owned(),
        _ => format!("{made} attempts were made."),
    };
    format!("{why} {made}")
}

pub fn fault(name: &str) -> &'static str {
    FAULTS.iter().find(|(known, _)| *known == name).map_or("Unknown", |(_, words)| words)
}

pub fn state(name: &str) -> State {
    let found = STATES.iter().find(|(known, _)| *known == name);
    found.map_or(State::new("Unknown", "s-past"), |(_, state)| *state)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn it_is_said_why_and_after_how_many_attempts() {
        assert_eq!(why("exhausted", 11, "standard"), "All 11 attempts of the policy standard were made.");
        assert_eq!(why("exhausted", 1, "once"), "The one attempt of the policy once was made.");
        assert!(why("gone", 1, "standard").ends_with("was tried. One attempt was made."));
        assert!(why("other", 1_200, "standard").ends_with("1,200 attempts were made."));
    }

    #[test]
    fn all_words_of_the_api_are_known() {
        let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
        let names = |schema: &str| -> Vec<String> {
            serde_json::from_value(document["components"]["schemas"][schema]["enum"].clone()).unwrap()
        };
        for name in names("EscalationReason").iter().filter(|name| *name != "other") {
            assert_ne!(reason(name), "Another reason", "{name}");
        }
        for name in names("EscalationState") {
            assert_ne!(state(&name).word, "Unknown", "{name}");
        }
        for name in names("Fault") {
            assert_ne!(fault(&name), "Unknown", "{name}");
        }
        assert_eq!(
            (reason("<b>"), fault("<b>"), state("<b>").word),
            ("Another reason", "Unknown", "Unknown")
        );
    }
}
