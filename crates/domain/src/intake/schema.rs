//! Whether the data of an event fits the JSON Schema of its type.

use super::{Code, FieldError, pointer};
use crate::catalogue::Catalogue;
use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;
use std::{collections::HashMap, fmt, sync::Arc};

/// What is told of one event, at most.
const FINDINGS_MAX: usize = 20;
/// Of a finding, so much is told: names of members come from others and may be as long as the event.
const FIELD_CHARS_MAX: usize = 512;
const DETAIL_CHARS_MAX: usize = 300;

/// Whether data is compared with the schema of its type, and what becomes of an event that does not fit.
#[derive(Clone, Default, Debug)]
pub enum SchemaCheck {
    /// It is not compared.
    #[default]
    Off,
    /// It is accepted, and the findings are told.
    Warn(Arc<Schemas>),
    /// It is refused.
    Reject(Arc<Schemas>),
}

impl SchemaCheck {
    /// What does not fit, by JSON pointers into the data; at most 20 findings.
    pub(super) fn findings(&self, event_type: &str, data: &[u8]) -> Vec<FieldError> {
        match self {
            SchemaCheck::Off => Vec::new(),
            SchemaCheck::Warn(schemas) | SchemaCheck::Reject(schemas) => schemas.findings(event_type, data),
        }
    }

    pub(super) const fn refuses(&self) -> bool {
        matches!(self, SchemaCheck::Reject(_))
    }
}

/// The schemas of all event types, ready to be compared with.
pub struct Schemas(HashMap<String, Validator>);

/// A schema that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the schema of {event_type} cannot be used: {detail}")]
pub struct SchemaProblem {
    pub event_type: String,
    pub detail: String,
}

impl Schemas {
    /// Prepares the schema of every type.
    ///
    /// # Errors
    /// All that cannot be used.
    pub fn of(catalogue: &Catalogue) -> Result<Self, Vec<SchemaProblem>> {
        Self::from_pairs(catalogue.types().map(|found| (found.wire_name.as_ref(), found.schema())))
    }

    pub(super) fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<Self, Vec<SchemaProblem>> {
        let (mut validators, mut problems) = (HashMap::new(), Vec::new());
        for (event_type, schema) in pairs {
            // Nothing is fetched, and patterns are matched in linear time: data comes from others.
            let options = jsonschema::options().offline().should_validate_formats(true);
            match options.with_pattern_options(PatternOptions::regex()).build(&schema) {
                Ok(validator) => {
                    validators.insert(event_type.to_owned(), validator);
                }
                Err(error) => problems.push(SchemaProblem {
                    event_type: event_type.to_owned(),
                    detail: format!("{}: {error}", error.instance_path()),
                }),
            }
        }
        if problems.is_empty() { Ok(Self(validators)) } else { Err(problems) }
    }

    fn findings(&self, event_type: &str, data: &[u8]) -> Vec<FieldError> {
        let Some(validator) = self.0.get(event_type) else { return Vec::new() };
        match serde_json::from_slice::<Value>(data) {
            Ok(data) => {
                validator.iter_errors(&data).take(FINDINGS_MAX).map(|error| finding(&error)).collect()
            }
            // It is JSON, or it had not come so far: a number out of every range, or half of a surrogate pair.
            Err(error) => vec![FieldError {
                code: Code::Schema,
                field: String::new(),
                detail: format!("cannot be compared with the schema of {event_type}: {error}"),
            }],
        }
    }
}

/// Values are left out: they are in the payload for whoever may see them, and messages go to logs.
fn finding(error: &ValidationError<'_>) -> FieldError {
    let at = error.instance_path().as_str();
    let (field, detail) = match error.kind() {
        ValidationErrorKind::Required { property: Value::String(name) } => {
            (format!("{at}/{}", pointer::escape(name)), "is required by the schema".to_owned())
        }
        _ => (at.to_owned(), error.masked_with("the value").to_string()),
    };
    FieldError {
        code: Code::Schema,
        field: cut(field, FIELD_CHARS_MAX),
        detail: cut(detail, DETAIL_CHARS_MAX),
    }
}

fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schemas({} types)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schemas() -> Schemas {
        let flight = json!({
            "type": "object",
            "required": ["flightId", "a/b"],
            "properties": {
                "flightId": {"type": "string", "pattern": "^F-[0-9]+$"},
                "departure": {
                    "type": "object",
                    "properties": {"time": {"type": "string", "format": "date-time"}}
                },
                "legs": {"type": "array", "items": {"type": "integer"}}
            }
        });
        Schemas::from_pairs([("FLIGHT", flight)]).unwrap()
    }

    fn found(data: &Value) -> Vec<(String, String)> {
        let findings = schemas().findings("FLIGHT", data.to_string().as_bytes());
        assert!(findings.iter().all(|f| f.code == Code::Schema));
        findings.into_iter().map(|f| (f.field, f.detail)).collect()
    }

    #[test]
    fn points_at_what_does_not_fit_without_repeating_it() {
        assert_eq!(
            found(
                &json!({"flightId": "F-1", "a/b": 1, "more": true, "departure": {"time": "2026-01-02T03:04:05+01:00"}})
            ),
            []
        );
        let wrong =
            found(&json!({"flightId": "secret", "departure": {"time": "noon"}, "legs": [1, "secret"]}));
        let mut fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["/a~1b", "/departure/time", "/flightId", "/legs/1"]);
        assert!(
            wrong.iter().all(|(_, detail)| !detail.contains("secret") && !detail.contains("noon")),
            "{wrong:?}"
        );
    }

    #[test]
    fn tells_of_twenty_at_most() {
        assert_eq!(found(&json!({"flightId": "F-1", "a/b": 1, "legs": vec!["x"; 50]})).len(), FINDINGS_MAX);
    }

    #[test]
    fn long_names_are_cut() {
        let closed = json!({"type": "object", "additionalProperties": {"type": "null"}});
        let schemas = Schemas::from_pairs([("CLOSED", closed)]).unwrap();
        let data = json!({"é".repeat(100_000): 1}).to_string();
        let findings = schemas.findings("CLOSED", data.as_bytes());
        assert_eq!(findings[0].field.chars().count(), FIELD_CHARS_MAX + 1);
    }

    #[test]
    fn a_type_without_schema_fits() {
        assert_eq!(schemas().findings("OTHER", b"{}"), []);
    }

    #[test]
    fn schemas_that_cannot_be_used_are_all_told() {
        let problems = Schemas::from_pairs([
            ("A", json!({"type": "objekt"})),
            ("B", json!({"type": "object"})),
            ("C", json!({"$ref": "https://example.com/schema"})),
        ])
        .unwrap_err();
        let of: Vec<_> = problems.iter().map(|p| p.event_type.as_str()).collect();
        assert_eq!(of, ["A", "C"], "{problems:?}");
    }

    #[test]
    fn every_schema_of_the_catalogue_can_be_used() {
        Schemas::of(&Catalogue::builtin()).unwrap();
    }
}
