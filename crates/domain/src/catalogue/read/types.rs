//! The types of a file.

use super::{Definitions, Earlier, FIELDS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, is_name};
use crate::{
    catalogue::{EventType, Family, Field, FieldType, Kind, field::example_of, schema::mistakes},
    toml_reading::{Reading, Section, Text, to_json},
};
use serde_json::Value;
use std::collections::HashSet;

/// When examples happened that do not say so: on the morning of the day on which those of the documentation play.
const EXAMPLE_TIME: &str = "2026-05-04T06:30:00Z";

/// What the types of a file have in common.
struct Shared<'s> {
    family: Option<Family>,
    definitions: &'s Definitions<'s>,
    common: Vec<Field>,
    subject: Option<Text<'s>>,
    example_time: String,
}

pub(super) fn read(
    reading: &mut Reading<'_>,
    root: &Section<'_, '_>,
    family: Option<Family>,
    definitions: &Definitions<'_>,
    earlier: &Earlier<'_>,
) -> Vec<EventType> {
    const KNOWN: [&str; 9] =
        ["name", "title", "when", "kind", "subject", "required", "optional", "example", "example_time"];
    let common = root.section(reading, "common").map(|section| {
        section.refuse_unknown(reading, &["required", "optional"]);
        definitions.named_in(reading, &section)
    });
    let subject = root.maybe_text(reading, "subject", NAME_CHARS_MAX);
    let example_time = read_time(reading, root).unwrap_or_else(|| EXAMPLE_TIME.to_owned());
    let shared = Shared { family, definitions, common: common.unwrap_or_default(), subject, example_time };
    if root.value("types").is_none() {
        reading.problem(&(0..0), "types", "is required: the event types, each headed [[types]]");
    }
    let (mut types, mut names) = (Vec::new(), HashSet::new());
    for mut section in root.sections(reading, "types", &KNOWN) {
        let name = read_name(reading, &section, earlier);
        if let Some(name) = &name {
            if !names.insert(name.value.to_owned()) {
                let detail = format!("{:?} stands there twice", name.value);
                reading.problem(&name.span, &name.place, detail);
            }
            // From here on its name says more than its number.
            section.place = name.value.to_owned();
        }
        types.extend(read_one(reading, &section, name.as_ref(), &shared));
    }
    types
}

fn read_name<'a>(
    reading: &mut Reading<'_>,
    section: &Section<'a, '_>,
    earlier: &Earlier<'_>,
) -> Option<Text<'a>> {
    let name = section.text(reading, "name", NAME_CHARS_MAX)?;
    if !is_name(name.value, &['_', '-', '.']) {
        let detail =
            format!("{:?} is no name of a type: a letter, then letters, digits, _, - and .", name.value);
        reading.problem(&name.span, &name.place, detail);
        return None;
    }
    if let Some(place) = (earlier.defined_in)(name.value) {
        let detail = format!("{:?} is defined in {place} already; take another name", name.value);
        reading.problem(&name.span, &name.place, detail);
    }
    Some(name)
}

/// `None`: something in it is wrong, and that was said.
fn read_one(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    name: Option<&Text<'_>>,
    shared: &Shared<'_>,
) -> Option<EventType> {
    let title = section.text(reading, "title", NAME_CHARS_MAX);
    let when = section.text(reading, "when", TEXT_CHARS_MAX);
    let kind = read_kind(reading, section);
    let fields = read_fields(reading, section, shared);
    let subject = read_subject(reading, section, &fields, kind, shared);
    let example = read_example(reading, section, &fields);
    let example_time = read_time(reading, section).unwrap_or_else(|| shared.example_time.clone());
    Some(EventType {
        wire_name: name?.value.into(),
        family: shared.family?,
        title: title?.value.to_owned(),
        when: when?.value.to_owned(),
        kind: kind?,
        subject,
        fields,
        example: example?,
        example_time,
    })
}

fn read_kind(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Option<Kind> {
    let text = section.text(reading, "kind", NAME_CHARS_MAX)?;
    let kind = Kind::parse(text.value);
    if kind.is_none() {
        let detail = format!(
            "is {:?}, must be state (a newer event makes an older one of the same subject pointless) or fact (each one \
             counts)",
            text.value
        );
        reading.problem(&text.span, &text.place, detail);
    }
    kind
}

/// What all carry, then its own; one that all may carry becomes required where the type says so.
fn read_fields(reading: &mut Reading<'_>, section: &Section<'_, '_>, shared: &Shared<'_>) -> Vec<Field> {
    let mut fields = shared.common.clone();
    for own in shared.definitions.named_in(reading, section) {
        match fields.iter_mut().find(|field| field.name == own.name) {
            Some(field) => field.required |= own.required,
            None => fields.push(own),
        }
    }
    if fields.len() > FIELDS_MAX {
        let detail = format!("carries {} fields, at most {FIELDS_MAX} are allowed", fields.len());
        reading.problem(&section.span, &section.place, detail);
    }
    fields
}

fn read_subject(
    reading: &mut Reading<'_>,
    section: &Section<'_, '_>,
    fields: &[Field],
    kind: Option<Kind>,
    shared: &Shared<'_>,
) -> Option<String> {
    let own = section.maybe_text(reading, "subject", NAME_CHARS_MAX);
    let Some(subject) = own.or_else(|| shared.subject.clone()) else {
        if kind == Some(Kind::State) {
            let detail =
                "is required for a state: without a subject nothing says which older event it supersedes";
            reading.problem(&section.span, section.place_of("subject"), detail);
        }
        return None;
    };
    let fits = |field: &Field| {
        field.name == subject.value && field.required && matches!(field.field_type, FieldType::String { .. })
    };
    if !fields.iter().any(fits) {
        let detail = format!("must name a required text of the type; {:?} is none", subject.value);
        reading.problem(&section.span, section.place_of("subject"), detail);
        return None;
    }
    Some(subject.value.to_owned())
}

/// The fields' examples, and in their place what the type says itself.
fn read_example(reading: &mut Reading<'_>, section: &Section<'_, '_>, fields: &[Field]) -> Option<Value> {
    let mut example = example_of(fields);
    let Some(own) = section.section(reading, "example") else { return Some(example) };
    for (name, value) in own.entries() {
        match example.get_mut(name.value) {
            Some(there) => put(there, to_json(value.get_ref())),
            None => {
                reading.problem(
                    &name.span,
                    name.place,
                    "is not a field of the type; add it to required or optional",
                );
            }
        }
    }
    let mistakes = mistakes(&FieldType::Object(fields.to_vec()), &example);
    for (pointer, mistake) in &mistakes {
        reading.problem(&own.span, format!("{}{pointer}", own.place), format!("does not fit: {mistake}"));
    }
    mistakes.is_empty().then_some(example)
}

/// When the event of an example happened, where that is said.
fn read_time(reading: &mut Reading<'_>, section: &Section<'_, '_>) -> Option<String> {
    let text = section.maybe_text(reading, "example_time", NAME_CHARS_MAX)?;
    for (_, mistake) in mistakes(&FieldType::DateTime, &text.value.into()) {
        reading.problem(&text.span, &text.place, format!("does not fit: {mistake}"));
    }
    Some(text.value.to_owned())
}

/// Objects are changed field by field, everything else is replaced.
fn put(there: &mut Value, value: Value) {
    match (there, value) {
        (Value::Object(there), Value::Object(fields)) => {
            for (name, value) in fields {
                match there.get_mut(&name) {
                    Some(field) => put(field, value),
                    None => {
                        there.insert(name, value);
                    }
                }
            }
        }
        (there, value) => *there = value,
    }
}
