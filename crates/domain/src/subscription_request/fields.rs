//! The top-level fields of a body, and what was wrong with those asked for so far.

use super::FieldError;
use super::body::Body;
use serde_json::{Map, Value};

pub(super) struct Fields<'a> {
    pub(super) body: &'a Body,
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Fields that are none of the `known` ones do not matter, however often they stand there.
    pub(super) fn of(body: &'a Body, known: &[&str]) -> Self {
        let mut fields = Self { body, errors: Vec::new() };
        for pointer in &body.repeated {
            let top = pointer.split('/').nth(1).unwrap_or_default();
            if known.contains(&top) {
                fields.wrong(pointer, "is given more than once");
            }
        }
        fields
    }

    /// Whether a field is there, be it as `null`.
    pub(super) fn names(&self, name: &str) -> bool {
        self.body.values.contains_key(name)
    }

    /// A field that is there and not `null`.
    pub(super) fn given(&self, name: &str) -> Option<&'a Value> {
        self.body.values.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.given(name).is_none() {
            self.wrong(format!("/{name}"), "is required");
            return None;
        }
        self.optional(name, parse)
    }

    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.given(name)?;
        self.text(format!("/{name}"), value, parse)
    }

    /// A value, wherever it stands, that must be a text.
    pub(super) fn text<T>(
        &mut self,
        pointer: String,
        value: &'a Value,
        parse: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = match value {
            Value::String(text) => parse(text),
            other => Err(format!("must be a string, not {}", kind(other))),
        };
        parsed.map_err(|detail| self.wrong(pointer, detail)).ok()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.given(name)? {
            Value::Bool(on) => Some(*on),
            other => {
                self.wrong(format!("/{name}"), format!("must be true or false, not {}", kind(other)));
                None
            }
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.given(name)? {
            Value::Object(members) => Some(members),
            other => {
                self.wrong(format!("/{name}"), format!("must be an object, not {}", kind(other)));
                None
            }
        }
    }

    pub(super) fn wrong(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A whole number, however it is written: to JSON `3`, `3.0` and `3e0` are the same.
pub(super) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64()?.to_string().parse().ok())
}

/// A name in a JSON pointer (RFC 6901).
pub(super) fn pointer_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
