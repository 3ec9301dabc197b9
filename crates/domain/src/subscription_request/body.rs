//! The body of a request: its fields, and what stands under `httpRequest` as it was written.

use super::{FieldError, fields::kind, repeated::Scan, whole_body};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A JSON object.
pub struct Body {
    pub(super) values: Map<String, Value>,
    /// As it was written, because numbers keep their digits and names their order; `None`: left out or `null`.
    pub(super) http_request: Option<Box<RawValue>>,
    /// Pointers to names that stand twice, of which `values` has the last.
    pub(super) repeated: Vec<String>,
}

impl Body {
    /// # Errors
    /// It is not JSON or no object. A message names a place, never what stands there.
    pub fn parse(json: &[u8]) -> Result<Self, FieldError> {
        let not_json = |error| whole_body(format!("is not JSON: {error}"));
        let values = match serde_json::from_slice(json).map_err(not_json)? {
            Value::Object(values) => values,
            other => return Err(whole_body(format!("must be a JSON object, not {}", kind(&other)))),
        };
        let Scan { http_request, repeated } = serde_json::from_slice(json).map_err(not_json)?;
        Ok(Self { values, http_request, repeated })
    }
}
