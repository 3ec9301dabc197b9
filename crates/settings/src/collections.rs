//! Lists, tables and optional values; each may also be given as JSON text in a variable or flag.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

use crate::error::SettingError;
use crate::leaf::{At, Leaf, kind_name, quote};
use crate::load::Setting;
use crate::values::{Properties, REDACTED, TypeNames};

impl<T: Leaf> Leaf for Option<T> {
    const KIND: &'static str = T::KIND;
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        T::read(value, at, errors).map(Some)
    }
    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Leaf::show)
    }
    fn describe(prefix: &str, out: &mut Vec<Setting>) {
        T::describe(&format!("{prefix}."), out);
    }
}

impl<T: Leaf> Leaf for Vec<T> {
    const KIND: &'static str = "a list";
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        let value = from_json_text(value, '[', at, errors)?;
        let items = match value.kind {
            ValueKind::Array(items) => items,
            // In a variable a list of plain values may be written with commas.
            ValueKind::String(ref text) if !T::TABLE => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::new(value.origin().map(str::to_owned).as_ref(), item))
                .collect(),
            _ => {
                errors.push(at.error(&value, format!("expected a list, found {}", kind_name(&value))));
                return None;
            }
        };
        let read = |(index, item)| {
            let key = format!("{}[{index}]", at.key);
            T::read(item, &At { key: &key, allowed: at.allowed }, errors)
        };
        Some(items.into_iter().enumerate().filter_map(read).collect())
    }
    fn show(&self) -> Option<String> {
        let items: Vec<_> = self.iter().filter_map(Leaf::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
    fn describe(prefix: &str, out: &mut Vec<Setting>) {
        T::describe(&format!("{prefix}[]."), out);
    }
}

impl<T: Leaf> Leaf for BTreeMap<String, T> {
    const KIND: &'static str = "a table";
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        let table = table_of(value, at, errors)?;
        let mut read = Self::new();
        for (name, value) in sorted(table) {
            let key = format!("{}.{name}", at.key);
            let at = At { key: &key, allowed: at.allowed };
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                let allowed = "names of lower-case letters, digits, _ and -";
                errors.push(At { key: &key, allowed }.error(&value, "is not a usable name"));
            }
            if let Some(item) = T::read(value, &at, errors) {
                read.insert(name, item);
            }
        }
        Some(read)
    }
    fn show(&self) -> Option<String> {
        let items: Vec<_> = self
            .iter()
            .filter_map(|(name, item)| Some(format!("{} = {}", quote(name), item.show()?)))
            .collect();
        Some(inline_table(&items))
    }
    fn describe(prefix: &str, out: &mut Vec<Setting>) {
        T::describe(&format!("{prefix}.<name>."), out);
    }
}

impl Leaf for Properties {
    const KIND: &'static str = "a table of text";
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        flat_table(value, at, errors).map(Self)
    }
    fn show(&self) -> Option<String> {
        let items: Vec<_> = self.keys().map(|name| format!("{} = {REDACTED}", quote(name))).collect();
        Some(inline_table(&items))
    }
}

impl Leaf for TypeNames {
    const KIND: &'static str = "a table of text";
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self> {
        flat_table(value, at, errors).map(Self)
    }
    fn show(&self) -> Option<String> {
        let items: Vec<_> =
            self.0.iter().map(|(name, meant)| format!("{} = {}", quote(name), quote(meant))).collect();
        Some(inline_table(&items))
    }
}

/// A table of text whose names hold dots (librdkafka's all do), which TOML and variables turn into nested tables.
fn flat_table(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<BTreeMap<String, String>> {
    let mut flat = BTreeMap::new();
    flatten(table_of(value, at, errors)?, "", at, errors, &mut flat);
    Some(flat)
}

fn flatten(
    table: Map<String, Value>,
    prefix: &str,
    at: &At<'_>,
    errors: &mut Vec<SettingError>,
    out: &mut BTreeMap<String, String>,
) {
    for (name, value) in sorted(table) {
        let name = format!("{prefix}{name}");
        match value.kind {
            ValueKind::Table(inner) => flatten(inner, &format!("{name}."), at, errors, out),
            ValueKind::Array(_) | ValueKind::Nil => {
                let key = format!("{}.{name}", at.key);
                let problem = format!("expected text, found {}", kind_name(&value));
                errors.push(At { key: &key, allowed: at.allowed }.error(&value, problem));
            }
            plain => {
                out.insert(name, plain.to_string());
            }
        }
    }
}

pub(crate) fn inline_table(fields: &[String]) -> String {
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// The layers keep tables in random order; messages should not come in one.
pub(crate) fn sorted(table: Map<String, Value>) -> BTreeMap<String, Value> {
    table.into_iter().collect()
}

/// The table in `value`, which may be JSON text.
pub(crate) fn table_of(
    value: Value,
    at: &At<'_>,
    errors: &mut Vec<SettingError>,
) -> Option<Map<String, Value>> {
    let value = from_json_text(value, '{', at, errors)?;
    if let ValueKind::Table(table) = value.kind {
        return Some(table);
    }
    errors.push(at.error(&value, format!("expected a table, found {}", kind_name(&value))));
    None
}

/// Turns text that begins like JSON of the wanted kind into the value it means; everything else stays.
fn from_json_text(value: Value, first: char, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Value> {
    let ValueKind::String(text) = &value.kind else { return Some(value) };
    if !text.trim_start().starts_with(first) {
        return Some(value);
    }
    let origin = value.origin().map(str::to_owned);
    match serde_json::from_str(text) {
        Ok(json) => Some(from_json(json, origin.as_ref())),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            errors.push(at.error(&value, format!("is not valid JSON at line {line}, column {column}")));
            None
        }
    }
}

fn from_json(json: serde_json::Value, origin: Option<&String>) -> Value {
    let kind = match json {
        serde_json::Value::Null => ValueKind::Nil,
        serde_json::Value::Bool(flag) => ValueKind::Boolean(flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => ValueKind::I64(whole),
            (None, Some(whole)) => ValueKind::U64(whole),
            // Out of every whole type's range or with a fraction: kept as text so that the message shows it.
            (None, None) => ValueKind::String(number.to_string()),
        },
        serde_json::Value::String(text) => ValueKind::String(text),
        serde_json::Value::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| from_json(item, origin)).collect())
        }
        serde_json::Value::Object(fields) => {
            ValueKind::Table(fields.into_iter().map(|(name, item)| (name, from_json(item, origin))).collect())
        }
    };
    Value::new(origin, kind)
}
