//! The index of all types.

use super::{GENERATED, family::title, file_of, table::cell};
use crate::catalogue::{Catalogue, EventType, Family, TYPES_MAX, read};

/// The text around what is generated.
const TEXT: &str = include_str!("../../../catalogue/index.md");
/// What a platform team may start from.
const OWN: &str = include_str!("../../../catalogue/own-types.example.toml");

pub(super) fn index(catalogue: &Catalogue) -> String {
    let tables: String = Family::ALL.into_iter().map(|family| table(catalogue, family)).collect();
    TEXT.replace("{generated}", GENERATED.trim_end())
        .replace("{count}", &catalogue.types().count().to_string())
        .replace("{tables}", tables.trim_end())
        .replace("{event}", &catalogue.types().next().map(EventType::example_event_text).unwrap_or_default())
        .replace("{own}", OWN.trim_end())
        .replace("{types_max}", &TYPES_MAX.to_string())
        .replace("{file_mib_max}", &(read::FILE_BYTES_MAX >> 20).to_string())
        .replace("{depth_max}", &read::DEPTH_MAX.to_string())
}

fn table(catalogue: &Catalogue, family: Family) -> String {
    let file = file_of(family);
    let mut text = format!("### [{}]({file})\n\n| type | what happened | |\n|---|---|---|\n", title(family));
    for event_type in catalogue.types().filter(|t| t.family == family) {
        let (name, kind) = (&event_type.wire_name, event_type.kind.name());
        // The place that a heading gets: lower case, without what is neither letter, digit, - nor _.
        let anchor = name.to_lowercase().replace('.', "");
        text.push_str(&format!("| [`{name}`]({file}#{anchor}) | {} | {kind} |\n", cell(&event_type.title)));
    }
    text + "\n"
}
