//! Tables of fields in Markdown.

use crate::catalogue::{Field, FieldType};

/// A table of these fields and those in them; empty without any.
pub(super) fn of(fields: &[&Field]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let mut text = "| field | type | required | meaning |\n|---|---|---|---|\n".to_owned();
    for field in fields {
        rows(&mut text, "", field);
    }
    text
}

fn rows(text: &mut String, parent: &str, field: &Field) {
    let path = format!("{parent}{}", field.name);
    let required = if field.required { "yes" } else { "no" };
    let (kind, meaning) = (kind(&field.field_type), cell(&field.meaning));
    text.push_str(&format!("| `{path}` | {kind} | {required} | {meaning} |\n"));
    let below = if matches!(field.field_type, FieldType::Array(_)) { "[]." } else { "." };
    for inner in field.field_type.fields() {
        rows(text, &format!("{path}{below}"), inner);
    }
}

fn kind(field_type: &FieldType) -> String {
    match field_type {
        FieldType::Array(items) => format!("array of {}", kind(items)),
        plain if plain.one_of().is_empty() => plain.name().to_owned(),
        choice => {
            let texts: Vec<String> = choice.one_of().iter().map(|text| format!("`{}`", cell(text))).collect();
            format!("{}: {}", choice.name(), texts.join(", "))
        }
    }
}

/// What would end a cell is escaped.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
