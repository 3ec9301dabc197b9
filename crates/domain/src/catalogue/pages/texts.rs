//! Examples and schemas as text, in the order in which one would read them.

use super::json::pretty;
use crate::catalogue::{Catalogue, EventType, Field, FieldType};
use serde_json::Value;

const ATTRIBUTES: [&str; 11] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "operator",
    "contract",
    "environment",
    "data",
    "data_base64",
];

const KEYWORDS: [&str; 12] = [
    "$schema",
    "title",
    "description",
    "type",
    "const",
    "enum",
    "format",
    "default",
    "minLength",
    "maxLength",
    "pattern",
    "required",
];

impl EventType {
    /// [`EventType::example`] as text, its fields in the order of the catalogue.
    pub fn example_text(&self) -> String {
        pretty(&self.example, &self.fields)
    }

    /// [`EventType::example_event`] as text.
    pub fn example_event_text(&self) -> String {
        pretty(&self.example_event(), &ordered(&ATTRIBUTES, &self.fields))
    }

    /// [`EventType::schema`] as text, its properties in the order of the catalogue.
    pub fn schema_text(&self) -> String {
        pretty(&self.schema(), &of_object(&self.fields))
    }
}

impl Catalogue {
    /// [`Catalogue::envelope_schema`] as text.
    pub fn envelope_schema_text(&self) -> String {
        let attributes = ordered(&ATTRIBUTES, &ordered(&KEYWORDS, &[]));
        let first = self.types().next().map_or(&[][..], |first| &first.fields);
        let mut order = ordered(&KEYWORDS, &[]);
        order.extend(ordered(&["properties", "if", "then"], &attributes));
        order.extend(ordered(&["examples"], &ordered(&ATTRIBUTES, first)));
        pretty(&self.envelope_schema(), &order)
    }
}

/// The order in the schema of an object of these fields.
fn of_object(fields: &[Field]) -> Vec<Field> {
    let properties: Vec<Field> = fields
        .iter()
        .flat_map(|field| {
            let inner = field.field_type.fields();
            let mut order = of_object(inner);
            order.extend(ordered(&["items"], &of_object(inner)));
            ordered(&[field.name.as_str()], &order)
        })
        .collect();
    let mut order = ordered(&KEYWORDS, &[]);
    order.extend(ordered(&["properties"], &properties));
    order
}

/// Something in this order, each with these in it.
fn ordered(names: &[&str], inner: &[Field]) -> Vec<Field> {
    let field = |name: &&str| Field {
        name: (*name).to_owned(),
        field_type: FieldType::Object(inner.to_vec()),
        meaning: String::new(),
        required: true,
        example: Value::Null,
    };
    names.iter().map(field).collect()
}
