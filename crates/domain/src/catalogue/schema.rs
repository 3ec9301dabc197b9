//! From fields to JSON Schema, version 2020-12.

use super::{EventType, Field, FieldType};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};

/// The dialect all our schemas are written in.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

impl EventType {
    /// The JSON Schema (2020-12) of `data`, derived from the fields. Fields it does not know are allowed. Only with
    /// formats asserted it says everything: `date-time` is one.
    pub fn schema(&self) -> Value {
        let mut schema = object(&self.fields);
        schema.insert("$schema".to_owned(), DIALECT.into());
        schema.insert("title".to_owned(), self.wire_name.as_ref().into());
        schema.insert("description".to_owned(), format!("{}. {}", self.title, self.when).into());
        Value::Object(schema)
    }
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = of_type(&self.field_type);
        schema.insert("description".to_owned(), self.meaning.as_str().into());
        Value::Object(schema)
    }
}

/// What is wrong with `value`, each with its JSON pointer; nothing when it is of this type.
pub(super) fn mistakes(field_type: &FieldType, value: &Value) -> Vec<(String, String)> {
    let mistake = |error: &ValidationError<'_>| (error.instance_path().to_string(), error.to_string());
    match validator(&Value::Object(of_type(field_type))) {
        Ok(validator) => validator.iter_errors(value).map(|error| mistake(&error)).collect(),
        Err(error) => vec![mistake(&error)],
    }
}

fn validator(schema: &Value) -> Result<Validator, Box<ValidationError<'static>>> {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(schema).map_err(Box::new)
}

fn of_type(field_type: &FieldType) -> Map<String, Value> {
    let plain = |name: &str| entries([("type", name.into())]);
    let format = |format: &str| entries([("type", "string".into()), ("format", format.into())]);
    match field_type {
        FieldType::String { one_of } if one_of.is_empty() => plain("string"),
        FieldType::String { one_of } => entries([("type", "string".into()), ("enum", json!(one_of))]),
        FieldType::Integer | FieldType::Number | FieldType::Boolean => plain(field_type.name()),
        FieldType::Date | FieldType::DateTime => format(field_type.name()),
        FieldType::Object(fields) => object(fields),
        FieldType::Array(items) => {
            entries([("type", "array".into()), ("items", Value::Object(of_type(items)))])
        }
    }
}

fn object(fields: &[Field]) -> Map<String, Value> {
    let properties: Map<_, _> = fields.iter().map(|f| (f.name.clone(), f.schema())).collect();
    let required: Vec<_> = fields.iter().filter(|f| f.required).map(|f| f.name.as_str()).collect();
    entries([
        ("type", "object".into()),
        ("properties", Value::Object(properties)),
        ("required", json!(required)),
    ])
}

fn entries<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
