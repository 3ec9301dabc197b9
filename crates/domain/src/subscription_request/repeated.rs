//! What a reading into a map loses: names that stand twice in one object, and how `httpRequest` was written. Which of two
//! values counts could be one thing here and another to whoever looks at the request on its way.

use super::fields::pointer_step;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// More than these are not told.
const REPEATED_MAX: usize = 20;
/// Of these, names inside are looked at too; `httpRequest` has a reader of its own.
const WITH_MEMBERS: [&str; 2] = ["authentication", "limits"];

/// What a pass over an object found.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) http_request: Option<Box<RawValue>>,
    /// JSON pointers.
    pub(super) repeated: Vec<String>,
}

impl<'de> Deserialize<'de> for Scan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Top)
    }
}

struct Top;

impl<'de> Visitor<'de> for Top {
    type Value = Scan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Scan, A::Error> {
        let mut scan = Scan::default();
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let pointer = format!("/{}", pointer_step(&name));
            match name.as_str() {
                "httpRequest" => scan.http_request = members.next_value()?,
                within if WITH_MEMBERS.contains(&within) => {
                    members.next_value_seed(Members { within: &pointer, repeated: &mut scan.repeated })?;
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
            if !names.insert(name) {
                note(&mut scan.repeated, pointer);
            }
        }
        Ok(scan)
    }
}

/// The value of a field: its names, where it is an object.
struct Members<'a> {
    within: &'a str,
    repeated: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<IgnoredAny>()?;
            let pointer = format!("{}/{}", self.within, pointer_step(&name));
            if !names.insert(name) {
                note(self.repeated, pointer);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

fn note(repeated: &mut Vec<String>, pointer: String) {
    if repeated.len() < REPEATED_MAX && !repeated.contains(&pointer) {
        repeated.push(pointer);
    }
}
