//! What comes from a publisher becomes an event in its one envelope, or is refused with every wrong field named.

mod attributes;
mod binary;
mod json;
mod mapping;
mod pointer;
mod protobuf;
mod refusal;
mod rejected;
mod schema;
mod structured;
#[cfg(test)]
mod tests;

pub use mapping::{Mapping, MappingConfig, MappingProblem};
pub use pointer::{Pointer, PointerError};
pub use refusal::{Code, FieldError, Refusal};
pub use rejected::{NotDecidable, again, rejected};
pub use schema::{SchemaCheck, SchemaProblem, Schemas};

use crate::{catalogue::Catalogue, credentials::Operators};
use aerogram_wire::{
    SCHEMA,
    v1::{Envelope, Event, Origin},
};
use bytes::Bytes;
use prost::Message as _;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Errors of one request that are told, about; the events after them are not looked at.
const ERRORS_MAX: usize = 1_000;

/// Under what conditions an upstream topic or a publisher's token is heard.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The publisher scope: part of every event's identity.
    pub scope: String,
    /// Whom it may speak for.
    pub operators: Operators,
    /// Largest event as it comes and as it is kept, in bytes. Every later record holds the event whole.
    pub max_event_bytes: usize,
    /// The event types there are.
    pub catalogue: Arc<Catalogue>,
    /// Whether data must fit the schema of its type.
    pub schema_check: SchemaCheck,
}

/// What the records of a source hold.
#[derive(Clone, Debug)]
pub enum Format {
    /// CloudEvents 1.0, the mode told apart for each record; a record of content type `application/protobuf` is
    /// understood as well.
    CloudEvents,
    /// `aerogram.v1.Event`, whatever the headers say.
    Protobuf,
    /// JSON of the upstream's own, whatever the headers say.
    Json(Arc<Mapping>),
}

/// What was accepted.
#[derive(Clone, PartialEq, Debug)]
pub struct Accepted {
    pub envelope: Envelope,
    /// Where the data does not fit the schema of its type, when that only warns.
    pub warnings: Vec<FieldError>,
}

/// A record of an upstream topic.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    pub key: Option<&'a Bytes>,
    pub payload: Option<&'a Bytes>,
    pub headers: &'a [(String, Bytes)],
}

impl<'a> Incoming<'a> {
    /// The last header of this name: names are compared without case, as HTTP and CloudEvents do.
    fn header(&self, name: &str) -> Option<&'a Bytes> {
        self.headers.iter().rfind(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Decides about a record of an upstream topic. `now_ms` becomes the time of acceptance, and the event's own time when
/// it states none.
///
/// # Errors
/// Every wrong field at once.
pub fn accept(
    policy: &Policy,
    format: &Format,
    incoming: Incoming<'_>,
    origin: Origin,
    now_ms: i64,
) -> Result<Accepted, Refusal> {
    let payload = match incoming.payload {
        Some(payload) if !payload.is_empty() => payload,
        Some(_) | None => {
            return Err(Refusal::one(Code::Empty, "", "the record is empty; an event is expected"));
        }
    };
    policy.check_size(payload.len(), "")?;
    let draft = match mode(format, incoming)? {
        Mode::Structured => structured::read(payload, "")?,
        Mode::Binary => binary::read(incoming.headers, payload),
        Mode::Protobuf => protobuf::read(payload)?,
        Mode::Mapped(mapping) => mapping::read(mapping, payload, &origin.topic)?,
    };
    policy.accepted(draft.into_event(policy, now_ms)?, origin, now_ms)
}

/// Decides about a JSON request body: one CloudEvent, or an array of them. Refuses all when one is wrong. Fields are
/// named by JSON pointer.
///
/// # Errors
/// Every wrong field of every event at once; of very many, the first.
pub fn accept_json(
    policy: &Policy,
    body: &Bytes,
    origin: &Origin,
    now_ms: i64,
) -> Result<Vec<Accepted>, Refusal> {
    let mut refusal = Refusal::none();
    let mut accepted = Vec::new();
    for (pointer, event) in json_events(body)? {
        let decided = policy
            .check_size(event.len(), &pointer)
            .and_then(|()| structured::read(&event, &pointer)?.into_event(policy, now_ms))
            .and_then(|event| policy.accepted(event, origin.clone(), now_ms));
        match decided {
            Ok(one) => accepted.push(one),
            Err(refused) => refusal.extend(refused),
        }
        if refusal.errors().len() >= ERRORS_MAX {
            break;
        }
    }
    refusal.or(accepted)
}

impl Policy {
    fn check_size(&self, bytes: usize, field: &str) -> Result<(), Refusal> {
        let max = self.max_event_bytes;
        if bytes <= max {
            return Ok(());
        }
        Err(Refusal::one(Code::TooLarge, field, format!("has {bytes} bytes, at most {max} are accepted")))
    }

    fn accepted(
        &self,
        (event, warnings): (Event, Vec<FieldError>),
        origin: Origin,
        now_ms: i64,
    ) -> Result<Accepted, Refusal> {
        self.check_size(event.encoded_len(), "")?;
        let envelope = Envelope {
            schema: SCHEMA,
            event: Some(event),
            scope: self.scope.clone(),
            accepted_at_ms: now_ms,
            origin: Some(origin),
        };
        Ok(Accepted { envelope, warnings })
    }
}

enum Mode<'f> {
    Structured,
    Binary,
    Protobuf,
    Mapped(&'f Arc<Mapping>),
}

fn mode<'f>(format: &'f Format, incoming: Incoming<'_>) -> Result<Mode<'f>, Refusal> {
    match format {
        Format::Protobuf => return Ok(Mode::Protobuf),
        Format::Json(mapping) => return Ok(Mode::Mapped(mapping)),
        Format::CloudEvents => {}
    }
    let content_type = incoming.header("content-type").map(|value| String::from_utf8_lossy(value));
    let media_type = content_type.as_deref().map(media_type);
    if media_type.as_deref() == Some("application/cloudevents+json") {
        return Ok(Mode::Structured);
    }
    if incoming.header("ce_specversion").is_some() {
        return Ok(Mode::Binary);
    }
    match media_type.as_deref() {
        Some("application/protobuf" | "application/x-protobuf") => Ok(Mode::Protobuf),
        other => Err(Refusal::one(
            Code::ContentType,
            "content-type",
            format!(
                "{}: send application/cloudevents+json (structured mode), or ce_specversion and the other ce_ \
                 headers (binary mode), or application/protobuf with an aerogram.v1.Event",
                other.map_or_else(
                    || "there is none, and no header ce_specversion either".to_owned(),
                    |other| format!("{:?} is not understood", other.chars().take(80).collect::<String>())
                )
            ),
        )),
    }
}

/// The media type without parameters, in lower case.
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The events of a request body with their JSON pointers.
fn json_events(body: &Bytes) -> Result<Vec<(String, Bytes)>, Refusal> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(vec![(String::new(), body.clone())]);
    }
    let events: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|error| structured::malformed("", &error))?;
    if events.is_empty() {
        return Err(Refusal::one(Code::Empty, "", "the array is empty; at least one event is expected"));
    }
    Ok(events
        .into_iter()
        .enumerate()
        .map(|(index, event)| (format!("/{index}"), body.slice_ref(event.get().as_bytes())))
        .collect())
}
