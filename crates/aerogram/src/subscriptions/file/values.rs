//! Values of a file that may stand there in more than one way.

use aerogram_domain::toml_reading::{Reading, Section};
use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::super::declared::{Json, Place, Secret, Source};
use super::is_table;

/// Longest name of a variable or a file.
const SOURCE_CHARS_MAX: usize = 1_024;

/// A text, `{ env = "NAME" }` or `{ file = "PATH" }`.
pub(super) fn read_secret(
    reading: &mut Reading<'_>,
    value: &Spanned<DeValue<'_>>,
    path: String,
) -> Option<Secret> {
    let place = Place { line: reading.line(&value.span()), path: path.clone() };
    if let DeValue::String(text) = value.get_ref() {
        return Some(Secret { source: Source::Given(text.as_ref().to_owned()), place });
    }
    let wrong = "must be a text, { env = \"NAME\" } or { file = \"PATH\" }";
    if !is_table(value.get_ref()) {
        reading.problem(&value.span(), path, wrong);
        return None;
    }
    let before = reading.count();
    let section = Section::of(reading, value, path.clone())?;
    section.refuse_unknown(reading, &["env", "file"]);
    let env = section.maybe_text(reading, "env", SOURCE_CHARS_MAX).map(|text| text.value.to_owned());
    let file = section.maybe_text(reading, "file", SOURCE_CHARS_MAX).map(|text| text.value.into());
    let source = match (env, file) {
        (Some(name), None) => Some(Source::Env(name)),
        (None, Some(path)) => Some(Source::File(path)),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if source.is_none() && reading.count() == before {
        reading.problem(&value.span(), path, wrong);
    }
    source.map(|source| Secret { source, place })
}

/// A table or a list, or JSON as a text: that way null, and the digits and the order of somebody else, can be written.
pub(super) fn read_json(
    reading: &mut Reading<'_>,
    value: &Spanned<DeValue<'_>>,
    path: String,
) -> Option<Json> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref().to_owned(),
        other => match to_json(other) {
            Ok(text) => text,
            Err(why) => {
                reading.problem(&value.span(), path, why);
                return None;
            }
        },
    };
    match Json::parse(text) {
        Ok(json) if matches!(json.value, Value::Object(_) | Value::Array(_)) => Some(json),
        Ok(_) => {
            reading.problem(
                &value.span(),
                path,
                "must be a table, a list, or a text that is a JSON object or array",
            );
            None
        }
        Err(error) => {
            reading.problem(&value.span(), path, format!("is not JSON: {error}"));
            None
        }
    }
}

/// JSON in the order of the file, with its digits.
fn to_json(value: &DeValue<'_>) -> Result<String, String> {
    let quoted = |text: &str| Value::from(text).to_string();
    Ok(match value {
        DeValue::String(text) => quoted(text),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => quoted(&time.to_string()),
        DeValue::Integer(number) => match number.radix() {
            10 => to_number(number.as_str())?,
            radix => i64::from_str_radix(number.as_str(), radix)
                .map_err(|_| format!("{} is too large a number", number.as_str()))?
                .to_string(),
        },
        DeValue::Float(number) => to_number(number.as_str())?,
        DeValue::Array(items) => {
            let items: Result<Vec<String>, String> =
                items.iter().map(|item| to_json(item.get_ref())).collect();
            format!("[{}]", items?.join(","))
        }
        DeValue::Table(table) => {
            let mut members: Vec<_> = table.iter().collect();
            members.sort_by_key(|(name, _)| name.span().start);
            let members: Result<Vec<String>, String> = members
                .into_iter()
                .map(|(name, value)| Ok(format!("{}:{}", quoted(name.get_ref()), to_json(value.get_ref())?)))
                .collect();
            format!("{{{}}}", members?.join(","))
        }
    })
}

fn to_number(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    match serde_json::from_str::<Number>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text} is no number of JSON")),
    }
}
