//! JSON read one level at a time, without building it, so that numbers keep their digits and names their order.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// The members of an object as they stand there, those included that stand there twice.
pub(super) struct Members<'j>(pub(super) Vec<(String, &'j RawValue)>);

impl<'j> Members<'j> {
    pub(super) fn get(&self, name: &str) -> Option<&'j RawValue> {
        self.0.iter().rfind(|(found, _)| found == name).map(|(_, raw)| *raw)
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for Members<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect).map(Members)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(member) = members.next_entry()? {
            found.push(member);
        }
        Ok(found)
    }
}
