//! From a document to the fields of an event.

use super::{Mapping, Operator};
use crate::intake::{
    Code, Refusal,
    attributes::{Attribute, Draft, Naming, Time},
    json,
    pointer::{Absent, Pointer},
    structured,
};
use crate::json_kind::kind;
use bytes::Bytes;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Reads the document of a record of `topic`.
///
/// # Errors
/// It is not a JSON object, so that no field can be told of.
pub(in crate::intake) fn read(
    mapping: &Arc<Mapping>,
    payload: &Bytes,
    topic: &str,
) -> Result<Draft, Refusal> {
    let document: &RawValue =
        serde_json::from_slice(payload).map_err(|error| structured::malformed("", &error))?;
    if !document.get().starts_with('{') {
        let kind = kind(document);
        return Err(Refusal::one(Code::Malformed, "", format!("must be a JSON object, is {kind}")));
    }
    let mut reading = Reading { document, refusal: Refusal::none() };
    let id = reading.attribute("id", &mapping.id, Need::Always);
    let source = match reading.optional("source", mapping.source.as_ref()) {
        Attribute::Missing => Attribute::Text(topic.to_owned()),
        found => found,
    };
    let event_type = match reading.attribute("type", &mapping.event_type, Need::Always) {
        Attribute::Text(name) => {
            let wire_name = mapping.types.get(&name).map(|wire_name| wire_name.as_ref().to_owned());
            Attribute::Text(wire_name.unwrap_or(name))
        }
        other => other,
    };
    let operator = match &mapping.operator {
        Operator::At(pointer) => reading.attribute("operator", pointer, Need::Always),
        Operator::Always(operator) => Attribute::Text(operator.clone()),
    };
    let contract = reading.optional("contract", mapping.contract.as_ref());
    let environment = reading.optional("environment", mapping.environment.as_ref());
    let subject = reading.optional("subject", mapping.subject.as_ref());
    let time = match &mapping.time {
        Some(pointer) => reading.time(pointer),
        None => Time::Text(Attribute::Missing),
    };
    let data = reading.data(mapping.data.as_ref(), payload);
    let refusal = reading.refusal;
    let naming = Naming::Mapped(Arc::clone(mapping));
    Ok(Draft {
        naming,
        id,
        source,
        event_type,
        operator,
        contract,
        environment,
        subject,
        time,
        data,
        refusal,
    })
}

/// Whether an event can do without a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Always,
    None,
}

struct Reading<'a> {
    document: &'a RawValue,
    refusal: Refusal,
}

impl<'a> Reading<'a> {
    fn optional(&mut self, name: &str, pointer: Option<&Pointer>) -> Attribute {
        pointer.map_or(Attribute::Missing, |pointer| self.attribute(name, pointer, Need::None))
    }

    /// A text, or a whole number by its digits.
    fn attribute(&mut self, name: &str, pointer: &Pointer, need: Need) -> Attribute {
        let found = match self.found(name, pointer, need) {
            Ok(found) => found,
            Err(attribute) => return attribute,
        };
        match structured::text(Some(found)) {
            Attribute::Missing if need == Need::Always => {
                self.told(Code::Missing, pointer, format!("is empty; {}", taken(name)))
            }
            Attribute::Wrong(_) if is_whole(found) => Attribute::Text(found.get().to_owned()),
            Attribute::Wrong(_) if is_number(found) => self.told(
                Code::Invalid,
                pointer,
                format!("is {}, must be a text or a whole number", cut(found)),
            ),
            attribute => attribute,
        }
    }

    /// RFC 3339, or whole milliseconds since 1970.
    fn time(&mut self, pointer: &Pointer) -> Time {
        const HINT: &str = "must be RFC 3339 or whole milliseconds since 1970";
        let found = match self.found("time", pointer, Need::None) {
            Ok(found) => found,
            Err(attribute) => return Time::Text(attribute),
        };
        if !is_number(found) {
            return match structured::text(Some(found)) {
                Attribute::Wrong(what) => {
                    Time::Text(self.told(Code::Invalid, pointer, format!("is {what}, {HINT}")))
                }
                text => Time::Text(text),
            };
        }
        match found.get().parse() {
            Ok(ms) => Time::Millis(ms),
            Err(_) => Time::Text(self.told(Code::Invalid, pointer, format!("is {}, {HINT}", cut(found)))),
        }
    }

    fn data(&self, pointer: Option<&Pointer>, payload: &Bytes) -> Result<Bytes, (Code, String)> {
        let found = match pointer {
            None => self.document,
            Some(pointer) => pointer
                .follow(self.document)
                .map_err(|absent| (Code::Missing, why_absent(&absent, "data")))?,
        };
        json::check_object(found)?;
        Ok(payload.slice_ref(found.get().as_bytes()))
    }

    /// # Errors
    /// Nothing is there: the attribute that stands for it.
    fn found(&mut self, name: &str, pointer: &Pointer, need: Need) -> Result<&'a RawValue, Attribute> {
        match pointer.follow(self.document) {
            Ok(found) if found.get() != "null" => Ok(found),
            Ok(_) | Err(Absent::Missing | Absent::Blocked { kind: "null", .. }) if need == Need::None => {
                Err(Attribute::Missing)
            }
            Ok(_) => Err(self.told(Code::Missing, pointer, format!("is null; {}", taken(name)))),
            // Another shape than the mapping was made for, even if the event could do without this field.
            Err(absent) => Err(self.told(Code::Missing, pointer, why_absent(&absent, name))),
        }
    }

    fn told(&mut self, code: Code, pointer: &Pointer, detail: String) -> Attribute {
        self.refusal.push(code, pointer.as_str(), detail);
        Attribute::Told
    }
}

fn why_absent(absent: &Absent, name: &str) -> String {
    let taken = taken(name);
    match absent {
        Absent::Missing => format!("is missing; {taken}"),
        Absent::Blocked { at, kind } => format!("is missing, for {at} is {kind}; {taken}"),
        Absent::Unreadable => {
            format!("cannot be looked for: a name in the document is not valid Unicode; {taken}")
        }
    }
}

fn taken(name: &str) -> String {
    format!("the mapping takes the event's {name} from there")
}

fn is_number(found: &RawValue) -> bool {
    found.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Written with digits alone, so that the same number always gives the same text.
fn is_whole(found: &RawValue) -> bool {
    let text = found.get();
    let digits = text.strip_prefix('-').unwrap_or(text);
    text != "-0" && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// What a message quotes of a number.
fn cut(found: &RawValue) -> String {
    found.get().chars().take(40).collect()
}
