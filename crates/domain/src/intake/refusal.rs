//! Why something was not accepted.

use std::fmt;

/// What kind of mistake it is; stable, for programs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Code {
    /// There is nothing in it.
    Empty,
    /// Neither mode of CloudEvents nor our protobuf message.
    ContentType,
    /// Not JSON, not an object, not the protobuf message.
    Malformed,
    /// Larger than accepted.
    TooLarge,
    /// Not CloudEvents 1.0, or not a schema that is known.
    Version,
    /// A required field is not there.
    Missing,
    /// A field holds what it must not.
    Invalid,
    /// No such event type.
    UnknownType,
    /// The publisher may not speak for this operator.
    Operator,
    /// The data does not fit the JSON Schema of its type.
    Schema,
}

impl Code {
    /// As it stands in `rejected` and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Empty => "empty",
            Code::ContentType => "unsupported_content_type",
            Code::Malformed => "malformed",
            Code::TooLarge => "too_large",
            Code::Version => "unsupported_version",
            Code::Missing => "missing_field",
            Code::Invalid => "invalid_field",
            Code::UnknownType => "unknown_type",
            Code::Operator => "operator_not_allowed",
            Code::Schema => "schema",
        }
    }
}

/// One wrong field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    pub code: Code,
    /// As the publisher knows it: a JSON pointer, a header, or a field of the protobuf message. Empty: the whole input.
    pub field: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.detail),
            field => write!(f, "{field}: {}", self.detail),
        }
    }
}

/// Everything that is wrong with an input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Refusal {
    errors: Vec<FieldError>,
}

impl Refusal {
    pub(super) const fn none() -> Self {
        Self { errors: Vec::new() }
    }

    pub(super) fn one(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut refusal = Self::none();
        refusal.push(code, field, detail);
        refusal
    }

    pub(super) const fn of(errors: Vec<FieldError>) -> Self {
        Self { errors }
    }

    pub(super) fn push(&mut self, code: Code, field: impl Into<String>, detail: impl Into<String>) {
        self.errors.push(FieldError { code, field: field.into(), detail: detail.into() });
    }

    pub(super) fn extend(&mut self, other: Refusal) {
        self.errors.extend(other.errors);
    }

    /// `value`, unless something was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Refusal> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }

    /// In the order of the input; at least one.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The one code that stands for all: the first error's.
    pub fn code(&self) -> Code {
        self.errors.first().map_or(Code::Malformed, |error| error.code)
    }
}
