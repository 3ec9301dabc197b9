//! How one value is read from the merged layers and shown again.

use config::{Value, ValueKind};

use crate::error::SettingError;
use crate::load::Setting;

/// Where a value stands, for messages.
pub(crate) struct At<'a> {
    pub key: &'a str,
    pub allowed: &'a str,
}

impl At<'_> {
    pub fn error(&self, value: &Value, problem: impl Into<String>) -> SettingError {
        SettingError {
            key: self.key.to_owned(),
            origin: value.origin().map(str::to_owned),
            problem: problem.into(),
            allowed: self.allowed.to_owned(),
        }
    }
}

/// A type a setting can have.
pub(crate) trait Leaf: Sized {
    /// Whether it is a table of settings of its own.
    const TABLE: bool = false;
    /// What a value of it is, for messages and the list of settings.
    const KIND: &'static str;

    /// Reads it, pushing every mistake; `None` when there is nothing usable.
    fn read(value: Value, at: &At<'_>, errors: &mut Vec<SettingError>) -> Option<Self>;

    /// As TOML, secrets redacted; `None` when unset.
    fn show(&self) -> Option<String>;

    /// Lines of a table below its heading; only for tables.
    fn lines(&self) -> Vec<String> {
        Vec::new()
    }

    /// Lists the settings inside it.
    fn describe(_prefix: &str, _out: &mut Vec<Setting>) {}
}

/// A type that is written as one piece of text or one number.
pub(crate) trait Scalar: Sized {
    const KIND: &'static str;
    /// Secrets are never echoed in messages.
    const SECRET: bool = false;
    fn parse(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
}

pub(crate) fn read_scalar<T: Scalar>(
    value: &Value,
    at: &At<'_>,
    errors: &mut Vec<SettingError>,
) -> Option<T> {
    let text = match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => {
            errors.push(at.error(value, format!("expected {}, found {}", T::KIND, kind_name(value))));
            return None;
        }
        other => other.to_string(),
    };
    match T::parse(&text) {
        Ok(read) => Some(read),
        Err(why) if T::SECRET => {
            errors.push(at.error(value, why));
            None
        }
        Err(why) => {
            errors.push(at.error(value, format!("{text:?} {why}")));
            None
        }
    }
}

pub(crate) fn kind_name(value: &Value) -> &'static str {
    match value.kind {
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        ValueKind::Nil => "nothing",
        ValueKind::String(_) => "text",
        ValueKind::Boolean(_) => "true or false",
        _ => "a number",
    }
}

/// Text as TOML writes it: JSON's escapes are a subset of TOML's.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

macro_rules! scalar_leaf {
    ($($ty:ty),* $(,)?) => {$(
        impl $crate::leaf::Leaf for $ty {
            const KIND: &'static str = <$ty as $crate::leaf::Scalar>::KIND;
            fn read(
                value: config::Value,
                at: &$crate::leaf::At<'_>,
                errors: &mut Vec<$crate::error::SettingError>,
            ) -> Option<Self> {
                $crate::leaf::read_scalar(&value, at, errors)
            }
            fn show(&self) -> Option<String> {
                Some($crate::leaf::Scalar::show(self))
            }
        }
    )*};
}
pub(crate) use scalar_leaf;
