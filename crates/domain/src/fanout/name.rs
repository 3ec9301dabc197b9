//! What a receipt calls an event that has no delivery which would say what it was.

use crate::history::search_words;
use aerogram_wire::v1::{Envelope, EventName};

/// By what people ask for an event, and by what it could have matched; `None`: the envelope holds no event.
pub fn event_name(envelope: &Envelope) -> Option<EventName> {
    let event = envelope.event.as_ref()?;
    Some(EventName {
        id: event.id.clone(),
        source: event.source.clone(),
        scope: envelope.scope.clone(),
        r#type: event.r#type.clone(),
        operator: event.operator.clone(),
        contract: event.contract.clone(),
        environment: event.environment.clone(),
        subject: event.subject.clone(),
        accepted_at_ms: envelope.accepted_at_ms,
        words: search_words(&event.subject, &event.data),
    })
}
