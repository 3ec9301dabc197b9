//! The page of one family.

use super::{GENERATED, table};
use crate::catalogue::{EventType, Family, Field, Kind};

pub(super) fn page(family: Family, types: &[&EventType]) -> String {
    let common = common(types);
    let mut text = format!("# {}\n\n{GENERATED}\n{}\n", title(family), about(family));
    text.push_str("[Back to the index](README.md), which also explains *state*, *fact* and *subject*.\n\n");
    if !common.is_empty() {
        text.push_str("## What each of them carries\n\n");
        text.push_str(&table::of(&common.iter().collect::<Vec<_>>()));
        text.push_str(
            "\nBelow, each type lists what it carries besides, or always where it is optional here.\n\n",
        );
    }
    for event_type in types {
        text.push_str(&section(event_type, &common));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn section(event_type: &EventType, common: &[Field]) -> String {
    let own: Vec<&Field> = event_type.fields.iter().filter(|field| !common.contains(field)).collect();
    let kind = match event_type.kind {
        Kind::State => "*State*: a newer one of the same subject makes an older one pointless.",
        Kind::Fact => "*Fact*: each one counts.",
    };
    let subject =
        event_type.subject.as_deref().map(|field| format!(" Subject: `{field}`.")).unwrap_or_default();
    let table = match table::of(&own) {
        none if none.is_empty() => "It carries nothing besides.\n".to_owned(),
        table => table,
    };
    format!(
        "## {}\n\n**{}.** {} {kind}{subject}\n\n{table}\n```json\n{}\n```\n\n",
        event_type.wire_name,
        event_type.title,
        event_type.when,
        event_type.example_text(),
    )
}

/// The fields that all of them carry; required only where it is for all.
fn common(types: &[&EventType]) -> Vec<Field> {
    let Some((first, others)) = types.split_first() else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let in_all = |field: &Field| {
        let mut required = field.required;
        for other in others {
            let same =
                other.fields.iter().find(|o| Field { required: field.required, ..(*o).clone() } == *field)?;
            required &= same.required;
        }
        Some(Field { required, ..field.clone() })
    };
    first.fields.iter().filter_map(in_all).collect()
}

pub(super) fn title(family: Family) -> &'static str {
    match family {
        Family::Flight => "Flight events",
        Family::Order => "Order events",
        Family::Product => "Product events",
    }
}

/// Whose events they are and what an event of the family must say.
fn about(family: Family) -> &'static str {
    match family {
        Family::Flight => {
            "What happens to the flights of a flight operator. An event's `operator` is the flight operator, its `subject` the \
             flight.\n"
        }
        Family::Order => {
            "What happens to the orders of an agency: first the events of an order's life, then the notifications of changes \
             made by airline or passenger. An event's `operator` is the agency, its `subject` the order's id in the \
             aggregator. Names of types and fields are spelled as existing customers know them.\n"
        }
        Family::Product => {
            "What happens to the travel products under a partner's contract, and to the flights they cover. An event's \
             `operator` is the partner; it must name its `contract`.\n"
        }
    }
}
