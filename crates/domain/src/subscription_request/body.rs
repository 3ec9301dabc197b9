//! The body of a request: its fields, and what stands under `httpRequest` as it was written.

use super::{FieldError, fields::kind, whole_body};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A JSON object. Of fields with one name the last counts.
pub struct Body {
    pub(super) values: Map<String, Value>,
    /// As it was written, because numbers keep their digits and names their order; `None`: left out or `null`.
    pub(super) http_request: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct AsWritten {
    #[serde(rename = "httpRequest")]
    http_request: Option<Box<RawValue>>,
}

impl Body {
    /// # Errors
    /// It is not JSON or no object, or names `httpRequest` twice. A message names a place, never what stands there.
    pub fn parse(json: &[u8]) -> Result<Self, FieldError> {
        let not_json = |error| whole_body(format!("is not JSON: {error}"));
        let values = match serde_json::from_slice(json).map_err(not_json)? {
            Value::Object(values) => values,
            other => return Err(whole_body(format!("must be a JSON object, not {}", kind(&other)))),
        };
        // Asked for at all only where it is there: nobody else pays for it.
        let http_request = match values.contains_key("httpRequest") {
            true => serde_json::from_slice::<AsWritten>(json).map_err(not_json)?.http_request,
            false => None,
        };
        Ok(Self { values, http_request })
    }
}
