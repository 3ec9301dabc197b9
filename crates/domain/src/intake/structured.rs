//! CloudEvents in structured mode: one JSON object.

use super::{
    Code, Refusal,
    attributes::{Attribute, Draft, Naming, Time},
    json,
};
use crate::json_kind::kind;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is read; extension attributes that are not ours are ignored.
#[derive(Deserialize)]
struct CloudEvent<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    operator: Option<&'a RawValue>,
    #[serde(borrow)]
    contract: Option<&'a RawValue>,
    #[serde(borrow)]
    environment: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    data_base64: Option<&'a RawValue>,
}

/// Reads the event whose JSON pointer is `pointer`.
///
/// # Errors
/// It is not a JSON object, so that no field can be told of.
pub(super) fn read(payload: &Bytes, pointer: &str) -> Result<Draft, Refusal> {
    // The derived reader would also take an array as the list of the fields.
    if !payload.trim_ascii_start().starts_with(b"{") {
        let other: &RawValue = serde_json::from_slice(payload).map_err(|error| malformed(pointer, &error))?;
        let kind = kind(other);
        return Err(Refusal::one(Code::Malformed, pointer, format!("must be a JSON object, is {kind}")));
    }
    let found: CloudEvent<'_> =
        serde_json::from_slice(payload).map_err(|error| malformed(pointer, &error))?;
    let naming = Naming::Pointer(pointer.to_owned());
    let mut refusal = Refusal::none();
    check_specversion(&text(found.specversion), &naming.field("specversion"), &mut refusal);
    Ok(Draft {
        id: text(found.id),
        source: text(found.source),
        event_type: text(found.event_type),
        operator: text(found.operator),
        contract: text(found.contract),
        environment: text(found.environment),
        subject: text(found.subject),
        time: Time::Text(text(found.time)),
        data: data(payload, &found),
        naming,
        refusal,
    })
}

pub(super) fn malformed(pointer: &str, error: &serde_json::Error) -> Refusal {
    Refusal::one(Code::Malformed, pointer, format!("is not a JSON event: {error}"))
}

/// CloudEvents 1.0 is the only version there is.
pub(super) fn check_specversion(found: &Attribute, field: &str, refusal: &mut Refusal) {
    match found {
        Attribute::Text(version) if version == "1.0" => {}
        Attribute::Told => {}
        Attribute::Missing => refusal.push(Code::Missing, field, "is required and must be \"1.0\""),
        Attribute::Text(version) => {
            refusal.push(Code::Version, field, format!("is {version:?}, must be \"1.0\""));
        }
        Attribute::Wrong(what) => {
            refusal.push(Code::Version, field, format!("is {what}, must be the text \"1.0\""));
        }
    }
}

pub(super) fn text(found: Option<&RawValue>) -> Attribute {
    let Some(raw) = found else { return Attribute::Missing };
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) if text.is_empty() => Attribute::Missing,
        Ok(text) => Attribute::Text(text),
        Err(_) if raw.get().starts_with('"') => Attribute::Wrong("a text that is not valid Unicode"),
        Err(_) => Attribute::Wrong(kind(raw)),
    }
}

fn data(payload: &Bytes, found: &CloudEvent<'_>) -> Result<Bytes, (Code, String)> {
    match (found.data, found.data_base64) {
        (Some(data), None) => {
            json::check_object(data)?;
            Ok(payload.slice_ref(data.get().as_bytes()))
        }
        (_, Some(_)) => {
            Err((Code::Invalid, "data_base64 is not accepted; send data as a JSON object".to_owned()))
        }
        (None, None) => Err((Code::Missing, "is required and must be a JSON object".to_owned())),
    }
}
