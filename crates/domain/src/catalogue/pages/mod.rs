//! The documentation of the catalogue, made from it: an index, a page for each family, the schema of the envelope.

mod family;
mod index;
mod json;
mod table;
mod texts;

use super::{Catalogue, EventType, Family};

/// A generated file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Below the directory of the documentation.
    pub path: String,
    pub text: String,
}

impl Catalogue {
    /// All generated files of `docs/`.
    pub fn pages(&self) -> Vec<Page> {
        let mut pages = vec![Page { path: "events/README.md".to_owned(), text: index::index(self) }];
        for family in Family::ALL {
            let types: Vec<&EventType> = self.types().filter(|t| t.family == family).collect();
            let path = format!("events/{}", file_of(family));
            pages.push(Page { path, text: family::page(family, &types) });
        }
        let schema = self.envelope_schema_text();
        pages.push(Page { path: "schemas/event.schema.json".to_owned(), text: schema + "\n" });
        pages
    }
}

/// The page of a family, beside the index.
fn file_of(family: Family) -> String {
    format!("{}.md", family.name())
}

/// Says where the text comes from, invisible when it is rendered.
const GENERATED: &str =
    "<!-- Generated from crates/domain/catalogue by `aerogram catalogue docs docs`; edit that. -->\n";
