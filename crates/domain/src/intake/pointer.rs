//! JSON pointers (RFC 6901), followed through JSON text without building it.

use crate::json_kind::kind;
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// A JSON pointer to something inside a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    text: String,
    /// Unescaped.
    tokens: Vec<String>,
}

/// Why a text is no JSON pointer into a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PointerError {
    /// The empty pointer is the document itself.
    #[error("must begin with \"/\" (RFC 6901), such as /flight/id")]
    Slash,
    #[error("holds a \"~\" that is neither ~0 (for ~) nor ~1 (for /)")]
    Escape,
    #[error("must have at most {} characters", Pointer::CHARS_MAX)]
    Long,
}

/// Why there is nothing where a pointer points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Absent {
    /// The object has no such member, or the array no such item.
    Missing,
    /// Something on the way, whose own pointer this is, has nothing inside; says what it is.
    Blocked { at: String, kind: &'static str },
    /// A name in the document is not valid Unicode.
    Unreadable,
}

impl Pointer {
    /// Longest pointer, in characters.
    pub const CHARS_MAX: usize = 512;

    /// # Errors
    /// It is not one, or points at the whole document.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.chars().count() > Self::CHARS_MAX {
            return Err(PointerError::Long);
        }
        let Some(inner) = text.strip_prefix('/') else { return Err(PointerError::Slash) };
        let tokens: Option<Vec<String>> = inner.split('/').map(unescape).collect();
        Ok(Self { text: text.to_owned(), tokens: tokens.ok_or(PointerError::Escape)? })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it points at in `document`, which is valid JSON. Of members with one name the last counts.
    pub(super) fn follow<'a>(&self, document: &'a RawValue) -> Result<&'a RawValue, Absent> {
        let mut here = document;
        for (index, token) in self.tokens.iter().enumerate() {
            let mut reader = serde_json::Deserializer::from_str(here.get());
            let step = match here.get().as_bytes().first() {
                Some(b'{') => Member(token).deserialize(&mut reader).map_err(|_| Absent::Unreadable)?,
                Some(b'[') => match item(token) {
                    Some(item) => Item(item).deserialize(&mut reader).map_err(|_| Absent::Unreadable)?,
                    None => None,
                },
                _ => return Err(Absent::Blocked { at: self.beginning(index), kind: kind(here) }),
            };
            here = step.ok_or(Absent::Missing)?;
        }
        Ok(here)
    }

    /// The pointer made of the first tokens, as they were written.
    fn beginning(&self, tokens: usize) -> String {
        self.text.split('/').take(tokens + 1).collect::<Vec<_>>().join("/")
    }
}

/// A name as one token of a pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescape(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = match piece.as_bytes().first() {
            Some(b'0') => ('~', &piece[1..]),
            Some(b'1') => ('/', &piece[1..]),
            _ => return None,
        };
        name.push(escaped);
        name.push_str(rest);
    }
    Some(name)
}

/// The index of an array's item; digits without leading zeros.
fn item(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

/// The member of this name of an object.
struct Member<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = members.next_key_seed(NameIs(self.0))? {
            if is_it {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct NameIs<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for NameIs<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// The item at this index of an array.
struct Item(usize);

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Option<&'de RawValue>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn follow(document: &str, pointer: &str) -> Result<String, Absent> {
        let raw: &RawValue = serde_json::from_str(document).unwrap();
        Pointer::parse(pointer).unwrap().follow(raw).map(|found| found.get().to_owned())
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let document =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        for (pointer, found) in [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(follow(document, pointer).as_deref(), Ok(found), "{pointer}");
        }
        for pointer in ["/nobody", "/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/foo/x", "/foo/"] {
            assert_eq!(follow(document, pointer), Err(Absent::Missing), "{pointer}");
        }
        let blocked = |at: &str, kind| Err(Absent::Blocked { at: at.to_owned(), kind });
        assert_eq!(follow(document, "/a~1b/c"), blocked("/a~1b", "a number"));
        assert_eq!(follow(document, "/foo/1/x/y"), blocked("/foo/1", "a text"));
        assert_eq!(follow(r#"{"a":null}"#, "/a/b"), blocked("/a", "null"));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for (text, error) in [
            ("", PointerError::Slash),
            ("flight", PointerError::Slash),
            ("#/flight", PointerError::Slash),
            ("/a~", PointerError::Escape),
            ("/a~2", PointerError::Escape),
        ] {
            assert_eq!(Pointer::parse(text), Err(error), "{text}");
        }
        assert_eq!(Pointer::parse(&"/a".repeat(257)), Err(PointerError::Long));
    }

    #[test]
    fn names_are_compared_unescaped_and_the_last_counts() {
        assert_eq!(follow(r#"{"\u0061":1}"#, "/a").as_deref(), Ok("1"));
        assert_eq!(follow(r#"{"a":1,"b":[],"a":2}"#, "/a").as_deref(), Ok("2"));
        assert_eq!(follow("{\"\\ud800\":1}", "/a"), Err(Absent::Unreadable));
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c~/\"é]{0,2}", inner, 0..4).prop_map(|m| json!(m)),
            ]
        })
    }

    proptest! {
        /// The built document is the oracle: its own `pointer` reads RFC 6901 as well.
        #[test]
        fn finds_what_is_there(document in documents(), tokens in prop::collection::vec("[a-c~/\"é]{0,2}|[0-4]", 1..5)) {
            let pointer: String = tokens.iter().map(|token| format!("/{}", escape(token))).collect();
            let found = follow(&document.to_string(), &pointer);
            let found = found.ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
            prop_assert_eq!(found.as_ref(), document.pointer(&pointer));
        }
    }
}
