//! A file of event types: the built-in ones and those of a platform team have the same form, which
//! `catalogue/own-types.example.toml` shows and docs/events explains.

mod fields;
mod types;

use super::{EventType, Family, Field, NAME_CHARS_MAX};
use crate::toml_reading::{Problem, Reading, Section};
use fields::Definitions;
use std::collections::HashMap;
use toml::de::DeTable;

/// Longest file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Fields of one type or one object, at most.
const FIELDS_MAX: usize = 200;
/// An object in an object in … : at most this many fields down.
pub(super) const DEPTH_MAX: usize = 5;
/// Texts a field may be one of, at most.
const ENUM_MAX: usize = 200;
/// Longest explanation, in characters.
const TEXT_CHARS_MAX: usize = 1_000;

/// What a file holds, as far as it is right.
#[derive(Default)]
pub(super) struct Contents {
    pub family: Option<Family>,
    pub types: Vec<EventType>,
    /// Fields that a later file of the same family may refer to.
    pub definitions: Vec<Field>,
}

/// What earlier files hold.
pub(super) struct Earlier<'e> {
    /// Fields a type may refer to, by family.
    pub definitions: &'e HashMap<Family, Vec<Field>>,
    /// Where the type of this name is defined already.
    pub defined_in: &'e dyn Fn(&str) -> Option<String>,
}

/// Reads one file; everything that is wrong with it is told in its order.
pub(super) fn read(text: &str, earlier: &Earlier<'_>) -> (Contents, Vec<Problem>) {
    let mut reading = Reading::new(text);
    if text.len() > FILE_BYTES_MAX {
        let bytes = text.len();
        reading.problem(
            &(0..0),
            "",
            format!("has {bytes} bytes, at most {FILE_BYTES_MAX} are read; split it up"),
        );
        return (Contents::default(), reading.found());
    }
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reading.problem(&error.span().unwrap_or_default(), "", format!("is not TOML: {}", error.message()));
    }
    // Whatever else would be found wrong could be due to what could not be read.
    let contents = match syntax.is_empty() {
        true => read_root(&mut reading, &Section::root(root.get_ref()), earlier),
        false => Contents::default(),
    };
    (contents, reading.found())
}

fn read_root(reading: &mut Reading<'_>, root: &Section<'_, '_>, earlier: &Earlier<'_>) -> Contents {
    root.refuse_unknown(reading, &["family", "subject", "example_time", "common", "fields", "types"]);
    let family = root.text(reading, "family", NAME_CHARS_MAX).and_then(|text| {
        let family = Family::parse(text.value);
        if family.is_none() {
            let names = Family::ALL.map(Family::name).join(", ");
            reading.problem(&text.span, &text.place, format!("is {:?}, must be one of {names}", text.value));
        }
        family
    });
    let inherited = family.and_then(|family| earlier.definitions.get(&family)).map_or(&[][..], Vec::as_slice);
    let definitions = Definitions::read(reading, root, inherited);
    let types = types::read(reading, root, family, &definitions, earlier);
    Contents { family, types, definitions: definitions.into_own() }
}

/// Letters, digits and some marks, so that a name can stand in patterns, paths and pointers without being escaped.
fn is_name(text: &str, marks: &[char]) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || marks.contains(&c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(legal)
}
