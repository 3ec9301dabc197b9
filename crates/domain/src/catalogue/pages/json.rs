//! JSON for people: fields in the order of the catalogue, short lists on one line.

use crate::catalogue::Field;
use serde_json::Value;

/// A list of more values gets a line for each.
const INLINE_MAX: usize = 8;

/// `value`, whose fields are these; others follow by name.
pub(super) fn pretty(value: &Value, fields: &[Field]) -> String {
    let mut text = String::new();
    write(&mut text, value, fields, 0);
    text
}

fn write(text: &mut String, value: &Value, fields: &[Field], depth: usize) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let place = |name: &str| fields.iter().position(|f| f.name == name).unwrap_or(usize::MAX);
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(name, _)| (place(name), *name));
            between(text, '{', '}', depth, sorted.into_iter(), |text, (name, value)| {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push_str(": ");
                let inner = fields.iter().find(|f| f.name == *name).map(|f| f.field_type.fields());
                write(text, value, inner.unwrap_or_default(), depth + 1);
            });
        }
        Value::Array(items)
            if items.len() > INLINE_MAX || items.iter().any(|item| item.is_object() || item.is_array()) =>
        {
            between(text, '[', ']', depth, items.iter(), |text, item| write(text, item, fields, depth + 1));
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            text.extend(["[", &items.join(", "), "]"]);
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn between<T>(
    text: &mut String,
    open: char,
    close: char,
    depth: usize,
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    text.push(open);
    for (index, item) in items.enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        each(text, item);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}
