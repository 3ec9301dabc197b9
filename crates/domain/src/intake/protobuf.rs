//! `aerogram.v1.Event`, as a publisher of ours writes it.

use super::{
    Code, Refusal,
    attributes::{Attribute, Draft, Naming, Time},
    json,
};
use aerogram_wire::{SCHEMA, v1::Event};
use bytes::Bytes;
use prost::Message as _;

/// # Errors
/// It is not such a message.
pub(super) fn read(payload: &Bytes) -> Result<Draft, Refusal> {
    let event = Event::decode(payload.clone()).map_err(|error| {
        Refusal::one(Code::Malformed, "", format!("is not an aerogram.v1.Event: {error}"))
    })?;
    let mut refusal = Refusal::none();
    if event.schema > SCHEMA {
        let detail = format!("is {}, the newest that is known is {SCHEMA}", event.schema);
        refusal.push(Code::Version, "schema", detail);
    }
    let data = match event.data.is_empty() {
        true => Err((Code::Missing, "is required and must be a JSON object".to_owned())),
        false => json::object(&event.data),
    };
    Ok(Draft {
        naming: Naming::Protobuf,
        id: text(event.id),
        source: text(event.source),
        event_type: text(event.r#type),
        operator: text(event.operator),
        contract: text(event.contract),
        environment: text(event.environment),
        subject: text(event.subject),
        time: match event.time_ms {
            0 => Time::Text(Attribute::Missing),
            ms => Time::Millis(ms),
        },
        data,
        refusal,
    })
}

fn text(found: String) -> Attribute {
    if found.is_empty() { Attribute::Missing } else { Attribute::Text(found) }
}
