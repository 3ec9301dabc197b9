//! What people call an event by that is neither its id nor its subject: a flight number, a PNR.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Of one event, at most.
pub const WORDS_MAX: usize = 8;
/// Longest word, in bytes; what is longer is none.
pub const WORD_BYTES_MAX: usize = 64;

/// Fields of the data that events are searched by, wherever in it they stand; also those of types that a platform team adds.
pub const SEARCHED_FIELDS: [&str; 8] =
    ["agwID", "bookingId", "flightId", "flightNumber", "orderID", "pnr", "productId", "recordLocator"];

/// Objects and lists in each other, at most: what lies deeper is not looked at.
const DEPTH_MAX: usize = 8;

/// The words of an event, each once, letters of ASCII in lower case; its subject is none of them, for that is known anyway. What
/// identifies the event as a whole comes before what stands deeper in the data, such as each of its flights. Data that is not what
/// it should be has fewer.
pub fn search_words(subject: &str, data: &[u8]) -> Vec<String> {
    let mut words = Words { subject, of_the_whole: Vec::new(), of_parts: Vec::new() };
    let mut json = serde_json::Deserializer::from_slice(data);
    // What stands before a mistake counts.
    let _ = Look { words: &mut words, depth: 0, is_searched: false }.deserialize(&mut json);
    let Words { of_the_whole: mut all, of_parts, .. } = words;
    for word in of_parts {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all.truncate(WORDS_MAX);
    all
}

/// What somebody searches for, as a word; `None`: it can be none.
pub fn search_word(text: &str) -> Option<String> {
    let text = text.trim();
    (1..=WORD_BYTES_MAX).contains(&text.len()).then(|| text.to_ascii_lowercase())
}

struct Words<'s> {
    subject: &'s str,
    of_the_whole: Vec<String>,
    of_parts: Vec<String>,
}

impl Words<'_> {
    fn take(&mut self, text: &str, depth: usize) {
        let words = if depth <= 1 { &mut self.of_the_whole } else { &mut self.of_parts };
        if words.len() < WORDS_MAX
            && !text.trim().eq_ignore_ascii_case(self.subject)
            && let Some(word) = search_word(text)
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
}

/// Looks at one value.
struct Look<'w, 's> {
    words: &'w mut Words<'s>,
    /// Objects and lists around it.
    depth: usize,
    /// It is of a field that is searched by.
    is_searched: bool,
}

impl<'de> DeserializeSeed<'de> for Look<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth > DEPTH_MAX {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.is_searched {
            self.words.take(text, self.depth);
        }
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        if self.is_searched { self.visit_str(&number.to_string()) } else { Ok(()) }
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Look { words, depth, is_searched } = self;
        while items.next_element_seed(Look { words, depth: depth + 1, is_searched })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Look { words, depth, .. } = self;
        while let Some(is_searched) = fields.next_key_seed(Name)? {
            fields.next_value_seed(Look { words, depth: depth + 1, is_searched })?;
        }
        Ok(())
    }
}

/// Whether a field of this name is searched by.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(SEARCHED_FIELDS.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, Field};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn words(data: &str) -> Vec<String> {
        search_words("", data.as_bytes())
    }

    #[test]
    fn every_searched_field_is_one_of_the_catalogue() {
        fn names<'f>(fields: &'f [Field], all: &mut BTreeSet<&'f str>) {
            for field in fields {
                all.insert(&field.name);
                names(field.field_type.fields(), all);
            }
        }
        let (catalogue, mut all) = (Catalogue::builtin(), BTreeSet::new());
        catalogue.types().for_each(|event_type| names(&event_type.fields, &mut all));
        for field in SEARCHED_FIELDS {
            assert!(all.contains(field), "{field}");
        }
    }

    #[test]
    fn what_the_catalogue_says_of_events_is_found() {
        let of = |name: &str, subject: &str| {
            let catalogue = Catalogue::builtin();
            search_words(subject, catalogue.lookup(name).unwrap().example.to_string().as_bytes())
        };
        assert_eq!(of("FLIGHT_CREATE", "FL-20318"), ["exa101"]);
        assert_eq!(of("FLIGHT_CREATE", "fl-20318"), ["exa101"], "the same but for its case");
        assert_eq!(of("FLIGHT_CREATE", "").len(), 2);
        let order: BTreeSet<_> = of("OrderDisrupted", "AGW-1000042").into_iter().collect();
        let expected = ["abc123", "xyz789", "xx-order-5501", "xx1234", "xx1241"];
        assert_eq!(order, expected.map(str::to_owned).into());
        assert_eq!(of("FLIGHT_DELAY_STATUS_CHANGE", "BK-88012"), ["xx1234"]);
    }

    #[test]
    fn what_identifies_the_whole_comes_first() {
        let flights: Vec<_> = (0..20).map(|n| format!(r#"{{"flightNumber":"XX{n}"}}"#)).collect();
        let found =
            words(&format!(r#"{{"segments":[{}],"pnr":" AbC123 ","orderID":77}}"#, flights.join(",")));
        assert_eq!(found, ["abc123", "77", "xx0", "xx1", "xx2", "xx3", "xx4", "xx5"]);
        let alike = r#"{"pnr":"ABC","recordLocator":"abc","segments":[{"flightNumber":"Abc"}]}"#;
        assert_eq!(words(alike), ["abc"]);
    }

    #[test]
    fn odd_data_has_fewer_words() {
        for nothing in [
            "",
            "7",
            "null",
            "\"pnr\"",
            "[]",
            "{}",
            r#"{"pnr":null,"orderID":true,"agwID":-1,"flightId":1.5}"#,
        ] {
            assert_eq!(words(nothing), [""; 0], "{nothing}");
        }
        assert_eq!(words(r#"{"pnr":["A1","",{"pnr":"B2"}],"PNR":"C3"}"#), ["a1", "b2"]);
        assert_eq!(words(r#"{"pnr":"A1","orderID":"B2","#), ["a1", "b2"]);
        assert_eq!(words(r#"{"pnr":"Ä1","flightId":"\u00c4\n"}"#), ["Ä1", "Ä"]);
        let long = |bytes| words(&format!(r#"{{"pnr":"{}"}}"#, "x".repeat(bytes)));
        assert_eq!((long(WORD_BYTES_MAX).len(), long(WORD_BYTES_MAX + 1).len()), (1, 0));
        let deep = |depth| words(&format!(r#"{}{{"pnr":"A1"}}{}"#, "[".repeat(depth), "]".repeat(depth)));
        assert_eq!((deep(DEPTH_MAX - 1).len(), deep(DEPTH_MAX).len(), deep(100_000).len()), (1, 0, 0));
    }

    proptest! {
        /// Whatever is published, there are few and short ones, and each can be searched for.
        #[test]
        fn whatever_there_is_words_are_few(
            data in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"[\{\[]{0,3}("(pnr|agwID)":("[ A-Z]{0,70}"|[0-9]{0,20}),?){0,20}[\}\]]{0,3}"#.prop_map(String::into_bytes),
            ],
        ) {
            let words = search_words("AB", &data);
            prop_assert!(words.len() <= WORDS_MAX);
            for word in &words {
                prop_assert_eq!(search_word(word), Some(word.clone()));
                prop_assert_ne!(word, "ab");
            }
        }
    }
}
