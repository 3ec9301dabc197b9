//! What a token is entitled to.

use crate::catalogue::Catalogue;
use std::fmt;

/// An event type, or the beginning of some: `FLIGHT_*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum EventPattern {
    Exactly(String),
    Beginning(String),
}

impl EventPattern {
    /// `None` unless it means at least one type of the catalogue.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Option<Self> {
        let Some(beginning) = text.strip_suffix('*') else {
            return catalogue.lookup(text).map(|t| EventPattern::Exactly(t.wire_name.as_ref().to_owned()));
        };
        let means_some = catalogue.types().any(|t| t.wire_name.starts_with(beginning));
        means_some.then(|| EventPattern::Beginning(beginning.to_owned()))
    }

    pub fn matches(&self, event_type: &str) -> bool {
        match self {
            EventPattern::Exactly(name) => name == event_type,
            EventPattern::Beginning(beginning) => event_type.starts_with(beginning),
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventPattern::Exactly(name) => f.write_str(name),
            EventPattern::Beginning(beginning) => write!(f, "{beginning}*"),
        }
    }
}
