//! What comes from a publisher becomes an event in its one envelope, or is refused with every wrong field named.

mod attributes;
mod binary;
mod json;
mod protobuf;
mod refusal;
mod structured;
#[cfg(test)]
mod tests;

pub use refusal::{Code, FieldError, Refusal};

use crate::credentials::Operators;
use aerogram_wire::{
    SCHEMA,
    v1::{Envelope, Event, Origin, Rejected},
};
use bytes::Bytes;
use prost::Message as _;
use serde_json::value::RawValue;

/// Under what conditions an upstream topic or a publisher's token is heard.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The publisher scope: part of every event's identity.
    pub scope: String,
    /// Whom it may speak for.
    pub operators: Operators,
    /// Largest event as it comes and as it is kept, in bytes. Every later record holds the event whole.
    pub max_event_bytes: usize,
}

/// What the records of a source hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// CloudEvents 1.0, the mode told apart for each record; a record of content type `application/protobuf` is
    /// understood as well.
    CloudEvents,
    /// `aerogram.v1.Event`, whatever the headers say.
    Protobuf,
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
    format: Format,
    incoming: Incoming<'_>,
    origin: Origin,
    now_ms: i64,
) -> Result<Envelope, Refusal> {
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
    };
    policy.envelope(draft.into_event(policy, now_ms)?, origin, now_ms)
}

/// Decides about a JSON request body: one CloudEvent, or an array of them. Refuses all when one is wrong. Fields are
/// named by JSON pointer.
///
/// # Errors
/// Every wrong field of every event at once.
pub fn accept_json(
    policy: &Policy,
    body: &Bytes,
    origin: &Origin,
    now_ms: i64,
) -> Result<Vec<Envelope>, Refusal> {
    let mut refusal = Refusal::none();
    let mut accepted = Vec::new();
    for (pointer, event) in json_events(body)? {
        let decided = policy
            .check_size(event.len(), &pointer)
            .and_then(|()| structured::read(&event, &pointer)?.into_event(policy, now_ms))
            .and_then(|event| policy.envelope(event, origin.clone(), now_ms));
        match decided {
            Ok(envelope) => accepted.push(envelope),
            Err(refused) => refusal.extend(refused),
        }
    }
    refusal.or(accepted)
}

/// The record of `rejected` that keeps what was refused. What is large is cut: it must always fit.
pub fn rejected(
    policy: &Policy,
    incoming: Incoming<'_>,
    refusal: &Refusal,
    origin: Origin,
    now_ms: i64,
) -> Rejected {
    const KEY_BYTES_MAX: usize = 1024;
    const HEADERS_MAX: usize = 32;
    const HEADER_BYTES_MAX: usize = 512;
    let cut = |bytes: &Bytes, max: usize| bytes.slice(..bytes.len().min(max));
    let text = |bytes: &[u8]| {
        let cut = &bytes[..bytes.len().min(HEADER_BYTES_MAX)];
        String::from_utf8_lossy(cut).into_owned()
    };
    let payload = incoming.payload.cloned().unwrap_or_default();
    Rejected {
        schema: SCHEMA,
        reason: refusal.code().as_str().to_owned(),
        errors: refusal.errors().iter().map(ToString::to_string).collect(),
        origin: Some(origin),
        scope: policy.scope.clone(),
        key: incoming.key.map(|key| cut(key, KEY_BYTES_MAX)).unwrap_or_default(),
        payload: cut(&payload, policy.max_event_bytes),
        payload_truncated: payload.len() > policy.max_event_bytes,
        rejected_at_ms: now_ms,
        headers: incoming
            .headers
            .iter()
            .take(HEADERS_MAX)
            .map(|(name, value)| (text(name.as_bytes()), text(value)))
            .collect(),
    }
}

impl Policy {
    fn check_size(&self, bytes: usize, field: &str) -> Result<(), Refusal> {
        let max = self.max_event_bytes;
        if bytes <= max {
            return Ok(());
        }
        Err(Refusal::one(Code::TooLarge, field, format!("has {bytes} bytes, at most {max} are accepted")))
    }

    fn envelope(&self, event: Event, origin: Origin, now_ms: i64) -> Result<Envelope, Refusal> {
        self.check_size(event.encoded_len(), "")?;
        let scope = self.scope.clone();
        Ok(Envelope {
            schema: SCHEMA,
            event: Some(event),
            scope,
            accepted_at_ms: now_ms,
            origin: Some(origin),
        })
    }
}

enum Mode {
    Structured,
    Binary,
    Protobuf,
}

fn mode(format: Format, incoming: Incoming<'_>) -> Result<Mode, Refusal> {
    if format == Format::Protobuf {
        return Ok(Mode::Protobuf);
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
