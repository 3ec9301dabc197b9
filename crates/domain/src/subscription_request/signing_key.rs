//! Signing keys as their owners write them, and replacing one.

use super::FieldError;
use super::body::Body;
use super::fields::{self, Fields};
use crate::signing::{ENCODED_PREFIX, key_bytes};
use std::fmt;

/// Longest `signingKey`, in characters.
pub const SIGNING_KEY_MAX_CHARS: usize = 512;
/// Longest time that an old key may sign too.
pub const OVERLAP_MAX_HOURS: i64 = 720;
/// How long it does unless the owner says otherwise.
pub const OVERLAP_DEFAULT_HOURS: i64 = 24;
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// A signing key as its owner wrote it; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(String);

impl SigningKey {
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// # Errors
    /// It is no signing key; what is wrong repeats nothing of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.chars().count() > SIGNING_KEY_MAX_CHARS {
            return Err(format!("must have 1 to {SIGNING_KEY_MAX_CHARS} characters"));
        }
        match key_bytes(text) {
            Ok(key) if key.is_empty() => Err(format!("has nothing after {ENCODED_PREFIX}")),
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A key that is made for an owner who gives none: these random bytes in base64, after `whsec_`.
    pub fn of_random(base64: &str) -> Self {
        Self(format!("{ENCODED_PREFIX}{base64}"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A valid replacement of a signing key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRequest {
    /// `None`: one is to be made.
    pub signing_key: Option<SigningKey>,
    /// How long the key before signs too.
    pub overlap_ms: i64,
}

/// Checks the body of `POST …/signing-keys`.
///
/// # Errors
/// Every wrong field.
pub fn parse_key(body: &Body) -> Result<KeyRequest, Vec<FieldError>> {
    let mut fields = Fields::of(body, &["signingKey", "overlapHours"]);
    let signing_key = fields.optional("signingKey", SigningKey::parse);
    let hours = match fields.given("overlapHours") {
        None => OVERLAP_DEFAULT_HOURS,
        Some(value) => match fields::whole(value) {
            Some(hours @ 0..=OVERLAP_MAX_HOURS) => hours,
            _ => {
                let detail = format!("must be a whole number from 0 to {OVERLAP_MAX_HOURS}");
                fields.wrong("/overlapHours", detail);
                0
            }
        },
    };
    match fields.errors.is_empty() {
        true => Ok(KeyRequest { signing_key, overlap_ms: hours * HOUR_MS }),
        false => Err(fields.errors),
    }
}
