//! The bodies of `POST` and `PATCH /subscriptions`: every wrong field is named, not just the first.

mod callback_url;
#[cfg(test)]
mod tests;

use crate::catalogue::{self, Environment, EventType};
use crate::signing::{ENCODED_PREFIX, key_bytes};
use crate::subscription::Profile;
use aerogram_wire::v1::Status;
use callback_url::parse_callback_url;
use serde_json::{Map, Value};
use std::fmt;

/// Longest `signingKey`, in characters.
pub const SIGNING_KEY_MAX_CHARS: usize = 512;
/// Longest `callbackUrl`, in bytes.
pub const CALLBACK_URL_MAX_BYTES: usize = 2_048;

/// One wrong field of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// JSON pointer (RFC 6901); empty: the body itself.
    pub pointer: String,
    /// What is wrong and what is allowed. Never repeats a signing key.
    pub detail: String,
}

/// A signing key as its owner wrote it; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(String);

impl SigningKey {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A valid creation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateRequest {
    /// A wire name of the catalogue.
    pub event: &'static str,
    pub callback_url: String,
    pub signing_key: SigningKey,
    pub profile: Profile,
    pub contract: Option<String>,
    pub environment: Environment,
    /// `None`: the profile's.
    pub policy: Option<String>,
}

/// A valid change; at least one of them is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatchRequest {
    pub callback_url: Option<String>,
    pub status: Option<Status>,
}

/// What a creation is checked against beside itself.
pub struct CreateContext<'a> {
    /// The operator's contracts.
    pub contracts: &'a [String],
    /// Whether there is a retry policy of this name.
    pub policy_exists: &'a dyn Fn(&str) -> bool,
}

/// Checks the body of a creation. Fields nobody knows are ignored; `null` is the same as left out.
pub fn parse_create(body: &Value, context: &CreateContext<'_>) -> Result<CreateRequest, Vec<FieldError>> {
    let mut fields = Fields::of(body)?;
    let event = fields.required("event", parse_event);
    let callback_url = fields.required("callbackUrl", parse_callback_url);
    let signing_key = fields.required("signingKey", parse_signing_key);
    let profile = fields.optional("profile", parse_profile);
    let contract = fields.optional("contractId", |id| parse_contract(id, context.contracts));
    let environment = fields.optional("environment", parse_environment);
    let policy = fields.optional("policy", |name| parse_policy(name, context.policy_exists));
    match (event, callback_url, signing_key) {
        (Some(event), Some(callback_url), Some(signing_key)) if fields.errors.is_empty() => {
            Ok(CreateRequest {
                event: event.wire_name,
                callback_url,
                signing_key,
                profile: profile.unwrap_or_else(|| Profile::of_family(event.family)),
                contract,
                environment: environment.unwrap_or_default(),
                policy,
            })
        }
        _ => Err(fields.errors),
    }
}

/// Checks the body of a change. A body without any known field is wrong: it would say that it changed something.
pub fn parse_patch(body: &Value) -> Result<PatchRequest, Vec<FieldError>> {
    let mut fields = Fields::of(body)?;
    let callback_url = fields.optional("callbackUrl", parse_callback_url);
    let status = fields.optional("status", parse_status);
    if !fields.errors.is_empty() {
        return Err(fields.errors);
    }
    if callback_url.is_none() && status.is_none() {
        return Err(vec![whole_body("must hold callbackUrl, status or both")]);
    }
    Ok(PatchRequest { callback_url, status })
}

/// The top-level fields of a body, and what was wrong with those asked for so far.
struct Fields<'a> {
    values: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    fn of(body: &'a Value) -> Result<Self, Vec<FieldError>> {
        match body {
            Value::Object(values) => Ok(Self { values, errors: Vec::new() }),
            other => Err(vec![whole_body(format!("must be a JSON object, not {}", kind(other)))]),
        }
    }

    fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        if self.values.get(name).is_none_or(Value::is_null) {
            self.wrong(name, "is required".to_owned());
            return None;
        }
        self.optional(name, parse)
    }

    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = match self.values.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => parse(text),
            Some(other) => Err(format!("must be a string, not {}", kind(other))),
        };
        parsed.map_err(|detail| self.wrong(name, detail)).ok()
    }

    fn wrong(&mut self, name: &str, detail: String) {
        self.errors.push(FieldError { pointer: format!("/{name}"), detail });
    }
}

fn whole_body(detail: impl Into<String>) -> FieldError {
    FieldError { pointer: String::new(), detail: detail.into() }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn parse_event(name: &str) -> Result<&'static EventType, String> {
    catalogue::lookup(name)
        .ok_or_else(|| "is not an event type of the catalogue; names are case-sensitive".to_owned())
}

fn parse_signing_key(text: &str) -> Result<SigningKey, String> {
    if text.is_empty() || text.chars().count() > SIGNING_KEY_MAX_CHARS {
        return Err(format!("must have 1 to {SIGNING_KEY_MAX_CHARS} characters"));
    }
    match key_bytes(text) {
        Ok(key) if key.is_empty() => Err(format!("has nothing after {ENCODED_PREFIX}")),
        Ok(_) => Ok(SigningKey(text.to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_profile(name: &str) -> Result<Profile, String> {
    Profile::parse(name).ok_or_else(|| {
        let names = Profile::ALL.map(Profile::name).join(", ");
        format!("must be one of {names}")
    })
}

fn parse_contract(id: &str, contracts: &[String]) -> Result<String, String> {
    match contracts.iter().any(|c| c == id) {
        true => Ok(id.to_owned()),
        false => Err("is not one of the operator's contracts".to_owned()),
    }
}

fn parse_environment(name: &str) -> Result<Environment, String> {
    // Events may leave it empty; a request that names it means something by it.
    Some(name)
        .filter(|name| !name.is_empty())
        .and_then(Environment::parse)
        .ok_or_else(|| "must be production or non-production".to_owned())
}

fn parse_policy(name: &str, exists: &dyn Fn(&str) -> bool) -> Result<String, String> {
    match !name.is_empty() && exists(name) {
        true => Ok(name.to_owned()),
        false => {
            Err("is not a retry policy of this installation; standard and staffing always are".to_owned())
        }
    }
}

fn parse_status(name: &str) -> Result<Status, String> {
    match name {
        "ACTIVE" => Ok(Status::Active),
        "INACTIVE" => Ok(Status::Inactive),
        _ => Err("must be ACTIVE or INACTIVE".to_owned()),
    }
}
