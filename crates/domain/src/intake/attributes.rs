//! The rules for the fields of an event, the same for every mode it may come in.

use super::{Code, FieldError, Mapping, Policy, Refusal};
use crate::catalogue::{
    Environment, EventType, Family, ID_CHARS_MAX, NAME_CHARS_MAX, SOURCE_CHARS_MAX, SUBJECT_CHARS_MAX,
};
use aerogram_wire::{SCHEMA, v1::Event};
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;

/// A field as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Attribute {
    /// Not there, null or empty.
    Missing,
    Text(String),
    /// Not a text at all; says what it is.
    Wrong(&'static str),
    /// Not usable, and that was said already.
    Told,
}

/// When it happened, as it was found.
pub(super) enum Time {
    /// RFC 3339.
    Text(Attribute),
    /// Milliseconds since the Unix epoch.
    Millis(i64),
}

/// An event as it was found, before any rule was applied.
pub(super) struct Draft {
    /// How this mode calls a field.
    pub naming: Naming,
    pub id: Attribute,
    pub source: Attribute,
    pub event_type: Attribute,
    pub operator: Attribute,
    pub contract: Attribute,
    pub environment: Attribute,
    pub subject: Attribute,
    pub time: Time,
    /// A JSON object, or what is wrong with it.
    pub data: Result<Bytes, (Code, String)>,
    /// What was found wrong already.
    pub refusal: Refusal,
}

/// How fields are called, so that the publisher finds them.
#[derive(Clone, Debug)]
pub(super) enum Naming {
    /// JSON pointers below this one.
    Pointer(String),
    /// `ce_` headers, and the payload.
    Header,
    /// Fields of `aerogram.v1.Event`.
    Protobuf,
    /// JSON pointers where a mapping looks.
    Mapped(Arc<Mapping>),
}

impl Naming {
    pub fn field(&self, name: &str) -> String {
        match (self, name) {
            (Naming::Pointer(parent), _) => format!("{parent}/{name}"),
            (Naming::Header, "data") => "payload".to_owned(),
            (Naming::Header, _) => format!("ce_{name}"),
            (Naming::Protobuf, "time") => "time_ms".to_owned(),
            (Naming::Protobuf, _) => name.to_owned(),
            (Naming::Mapped(mapping), _) => mapping.place_of(name).to_owned(),
        }
    }

    /// Something inside the data, by its JSON pointer there.
    fn inside_data(&self, pointer: &str) -> String {
        match self {
            // The payload is the document.
            Naming::Header if !pointer.is_empty() => pointer.to_owned(),
            _ => format!("{}{pointer}", self.field("data")),
        }
    }
}

impl Draft {
    /// Applies every rule and tells of everything that is wrong.
    ///
    /// Without a subject the event stands for itself: its id is the subject, so that no order is promised between it
    /// and others. Without a time it happened when it was accepted.
    ///
    /// # Errors
    /// Every wrong field; only when all are right, what the schema says about the data.
    pub fn into_event(self, policy: &Policy, now_ms: i64) -> Result<(Event, Vec<FieldError>), Refusal> {
        let mut check = Check { naming: self.naming, refusal: self.refusal };
        let id = check.required("id", self.id, ID_CHARS_MAX);
        let source = check.required("source", self.source, SOURCE_CHARS_MAX);
        let event_type = check.event_type(self.event_type, policy);
        let operator = check.operator(self.operator, policy);
        let contract = check.contract(self.contract, event_type);
        let environment = check.environment(self.environment);
        let subject = check.optional("subject", self.subject, SUBJECT_CHARS_MAX);
        let time_ms = check.time_ms(self.time);
        let data = self.data.map_err(|(code, detail)| check.wrong(code, "data", detail)).unwrap_or_default();
        let event = Event {
            schema: SCHEMA,
            subject: subject.unwrap_or_else(|| id.clone()),
            id,
            source,
            r#type: event_type.map(|t| t.wire_name.as_ref().to_owned()).unwrap_or_default(),
            operator,
            contract,
            environment: environment.as_str().to_owned(),
            time_ms: time_ms.unwrap_or(now_ms),
            data,
        };
        let Check { naming, refusal } = check;
        let event = refusal.or(event)?;
        let mut findings = policy.schema_check.findings(&event.r#type, &event.data);
        for finding in &mut findings {
            finding.field = naming.inside_data(&finding.field);
        }
        if policy.schema_check.refuses() {
            Refusal::of(findings).or((event, Vec::new()))
        } else {
            Ok((event, findings))
        }
    }
}

struct Check {
    naming: Naming,
    refusal: Refusal,
}

impl Check {
    fn wrong(&mut self, code: Code, name: &str, detail: impl Into<String>) {
        self.refusal.push(code, self.naming.field(name), detail);
    }

    /// The text within its limits. `None`: there is none, or it is wrong and that was said.
    fn optional(&mut self, name: &str, attribute: Attribute, chars_max: usize) -> Option<String> {
        let text = match attribute {
            Attribute::Missing | Attribute::Told => return None,
            Attribute::Text(text) => text,
            Attribute::Wrong(what) => {
                self.wrong(Code::Invalid, name, format!("must be a text, is {what}"));
                return None;
            }
        };
        let chars = text.chars().count();
        if chars > chars_max {
            self.wrong(
                Code::Invalid,
                name,
                format!("has {chars} characters, at most {chars_max} are accepted"),
            );
            None
        } else if text.chars().any(char::is_control) {
            self.wrong(Code::Invalid, name, "must not contain control characters");
            None
        } else {
            Some(text)
        }
    }

    fn required(&mut self, name: &str, attribute: Attribute, chars_max: usize) -> String {
        if attribute == Attribute::Missing {
            self.wrong(Code::Missing, name, "is required");
        }
        self.optional(name, attribute, chars_max).unwrap_or_default()
    }

    fn event_type<'p>(&mut self, attribute: Attribute, policy: &'p Policy) -> Option<&'p EventType> {
        let name = self.required("type", attribute, NAME_CHARS_MAX);
        let found = policy.catalogue.lookup(&name);
        if found.is_none() && !name.is_empty() {
            let detail = match self.naming {
                Naming::Mapped(_) => {
                    format!("{name:?} is neither in the mapping's types nor in the catalogue of event types")
                }
                _ => format!("{name:?} is not in the catalogue of event types"),
            };
            self.wrong(Code::UnknownType, "type", detail);
        }
        found
    }

    fn operator(&mut self, attribute: Attribute, policy: &Policy) -> String {
        let operator = self.required("operator", attribute, NAME_CHARS_MAX);
        if !operator.is_empty() && !policy.operators.include(&operator) {
            let scope = &policy.scope;
            self.wrong(Code::Operator, "operator", format!("{scope:?} may not speak for {operator:?}"));
        }
        operator
    }

    /// Products belong to a contract; the other families may name one.
    fn contract(&mut self, attribute: Attribute, event_type: Option<&EventType>) -> String {
        let needed = event_type.filter(|t| t.family == Family::Product);
        if let (Some(event_type), Attribute::Missing) = (needed, &attribute) {
            self.wrong(Code::Missing, "contract", format!("is required for {}", event_type.wire_name));
        }
        self.optional("contract", attribute, NAME_CHARS_MAX).unwrap_or_default()
    }

    fn environment(&mut self, attribute: Attribute) -> Environment {
        let text = self.optional("environment", attribute, NAME_CHARS_MAX).unwrap_or_default();
        Environment::parse(&text).unwrap_or_else(|| {
            self.wrong(
                Code::Invalid,
                "environment",
                format!("is {text:?}, must be production or non-production"),
            );
            Environment::default()
        })
    }

    fn time_ms(&mut self, time: Time) -> Option<i64> {
        match time {
            Time::Millis(ms) => {
                if !has_calendar_date(ms) {
                    self.wrong(Code::Invalid, "time", "is not a time of the years 0000 to 9999");
                }
                Some(ms)
            }
            Time::Text(attribute) => {
                let text = self.optional("time", attribute, NAME_CHARS_MAX)?;
                let parsed = rfc_3339_ms(&text).filter(|ms| has_calendar_date(*ms));
                if parsed.is_none() {
                    let hint = "must be RFC 3339 with an offset, such as 2024-01-15T10:30:00Z";
                    self.wrong(Code::Invalid, "time", format!("is {text:?}, {hint}"));
                }
                parsed
            }
        }
    }
}

/// `None` unless it is a date, a time to the second at least, and an offset.
fn rfc_3339_ms(text: &str) -> Option<i64> {
    // The parser also takes shorter and annotated forms that other readers of RFC 3339 refuse.
    let marks = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let bytes = text.as_bytes();
    let shaped =
        marks.iter().all(|(at, any_of)| bytes.get(*at).is_some_and(|b| any_of.as_bytes().contains(b)));
    if !shaped || text.contains('[') {
        return None;
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Four-digit years only: what cannot be written down in RFC 3339 could not be delivered either.
fn has_calendar_date(ms: i64) -> bool {
    const YEAR_0: i64 = -62_167_219_200_000;
    const YEAR_10000: i64 = 253_402_300_800_000;
    // jiff's largest timestamp lies a day before the end of 9999, so that every offset still fits.
    (YEAR_0..YEAR_10000).contains(&ms) && Timestamp::from_millisecond(ms).is_ok()
}
