//! The data of an event, as templates read it.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashMap, fmt};

/// The top-level fields of one event's data, each as the JSON text it came as; nothing is built. Of fields with one name
/// the last counts. Made once per delivery.
pub struct EventData<'a>(HashMap<Cow<'a, str>, Cow<'a, str>>);

/// The data is no JSON object: our own fault, because ingest accepts nothing else.
#[derive(Debug, thiserror::Error)]
pub enum BadData {
    #[error("the event's data is not UTF-8: {0}; it should have been rejected at ingest")]
    Utf8(#[from] std::str::Utf8Error),
    #[error("the event's data is no JSON object; it should have been rejected at ingest")]
    NoObject,
    #[error("the event's data is not JSON: {0}; it should have been rejected at ingest")]
    Syntax(#[from] serde_json::Error),
}

impl<'a> EventData<'a> {
    /// # Errors
    /// It is no JSON object.
    pub fn parse(data: &'a [u8]) -> Result<Self, BadData> {
        let data = std::str::from_utf8(data)?;
        // Here, because the parser would repeat a text that stands in its place.
        if !data.trim_ascii_start().starts_with('{') {
            return Err(BadData::NoObject);
        }
        Ok(serde_json::from_str(data)?)
    }

    /// Adds something of the envelope. It goes before a field of this name, so that no publisher can pass off its own.
    #[must_use]
    pub fn with_text(mut self, name: &'a str, text: &str) -> Self {
        let json = serde_json::Value::from(text).to_string();
        self.0.insert(Cow::Borrowed(name), Cow::Owned(json));
        self
    }

    /// The JSON text of a field; `None`: absent or `null`, which are the same here.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref).filter(|json| *json != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for EventData<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = HashMap<Cow<'de, str>, Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = HashMap::with_capacity(32);
        while let Some((Text(name), value)) = members.next_entry::<Text<'de>, &'de RawValue>()? {
            found.insert(name, Cow::Borrowed(value.get()));
        }
        Ok(found)
    }
}

/// A JSON string; half of a surrogate pair, which JSON allows and text does not, becomes U+FFFD.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, because serde_json fails on such halves when it is to make a text.
        deserializer.deserialize_bytes(AsText).map(Self)
    }
}

struct AsText;

impl<'de> Visitor<'de> for AsText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_they_came_and_the_last_counts() {
        let json = r#" {"a" : 1.10 ,"b":[ 1, {}],"a\u00e9":null,"c":1,"c":123456789012345678901234567890,"d\ud800":true}"#;
        let data = EventData::parse(json.as_bytes()).unwrap();
        assert_eq!(data.get("a"), Some("1.10"));
        assert_eq!(data.get("b"), Some("[ 1, {}]"));
        assert_eq!(data.get("aé"), None);
        assert_eq!(data.get("c"), Some("123456789012345678901234567890"));
        assert_eq!(data.get("nothing"), None);
        let data = data.with_text("c", "say \"c\"");
        assert_eq!(data.get("c"), Some(r#""say \"c\"""#));
    }

    #[test]
    fn what_is_no_object_is_an_error_that_repeats_nothing() {
        for wrong in ["", "[]", "\"secret\"", "{\"a\":secret}", "{} secret", "{\"a\":1"] {
            let error = EventData::parse(wrong.as_bytes()).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{wrong}: {error}");
        }
        assert!(EventData::parse(b"{\"a\":\"\xff\"}").is_err());
    }
}
