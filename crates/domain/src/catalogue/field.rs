//! One field of an event's data.

use serde_json::{Map, Value};

/// One field of an event's data, or of an object in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// As it stands in the JSON.
    pub name: String,
    pub field_type: FieldType,
    /// What it means, in a sentence for the developer of a receiver.
    pub meaning: String,
    /// Whether it is always there.
    pub required: bool,
    /// A value it may have.
    pub example: Value,
}

/// What a field holds.
#[derive(Clone, PartialEq, Debug)]
pub enum FieldType {
    /// A text; one of these, unless there are none.
    String {
        one_of: Vec<String>,
    },
    Integer,
    Number,
    Boolean,
    /// A day without a time, as in RFC 3339.
    Date,
    /// RFC 3339 with an offset.
    DateTime,
    Object(Vec<Field>),
    Array(Box<FieldType>),
}

impl FieldType {
    /// As it stands in files of event types.
    pub const fn name(&self) -> &'static str {
        match self {
            FieldType::String { .. } => "string",
            FieldType::Integer => "integer",
            FieldType::Number => "number",
            FieldType::Boolean => "boolean",
            FieldType::Date => "date",
            FieldType::DateTime => "date-time",
            FieldType::Object(_) => "object",
            FieldType::Array(_) => "array",
        }
    }

    /// The fields of the object, or of each object in the array.
    pub fn fields(&self) -> &[Field] {
        match self {
            FieldType::Object(fields) => fields,
            FieldType::Array(items) => items.fields(),
            _ => &[],
        }
    }

    /// The texts it may be, or each text in the array; empty: any.
    pub fn one_of(&self) -> &[String] {
        match self {
            FieldType::String { one_of } => one_of,
            FieldType::Array(items) => items.one_of(),
            _ => &[],
        }
    }
}

/// An object of the fields' examples.
pub(super) fn example_of(fields: &[Field]) -> Value {
    Value::Object(fields.iter().map(|f| (f.name.clone(), f.example.clone())).collect::<Map<_, _>>())
}
