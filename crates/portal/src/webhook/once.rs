//! What makes a form good for one webhook, or one test event, only.
//!
//! A form holds a number that nobody guesses. REST gets a hash of it as `Idempotency-Key`, and another hash is the signing
//! key: so a form that is sent again, because its answer got lost or the page was loaded anew, makes no second webhook, and the
//! key that is shown is the one in force. Nothing keeps the number but the page of who fills the form in.

use aerogram_seal::new_key;
use axum::http::HeaderName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::filled::Filled;
use crate::rest::Refused;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const BYTES: usize = 32;

/// `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct Once(SecretString);

impl Once {
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> Result<Self, Refused> {
        let made = new_key().map_err(|error| Refused::broken(error.to_string()))?;
        Ok(Self(SecretString::from(made)))
    }

    /// That of a form; `None`: it is none of ours.
    pub fn of(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self(SecretString::from(text)))
    }

    /// That of the form that was posted; another one if it is none of ours.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn posted(filled: &Filled) -> Result<Self, Refused> {
        Self::of(filled.get("once")).map_or_else(Self::new, Ok)
    }

    /// For the hidden field.
    pub fn field(&self) -> &str {
        self.0.expose_secret()
    }

    /// For the API.
    pub fn header(&self) -> (HeaderName, String) {
        (IDEMPOTENCY_KEY, self.idempotency_key())
    }

    pub fn idempotency_key(&self) -> String {
        STANDARD.encode(self.hash("idempotency"))
    }

    pub fn signing_key(&self) -> SecretString {
        SecretString::from(format!("whsec_{}", STANDARD.encode(self.hash("signing key"))))
    }

    fn hash(&self, purpose: &str) -> [u8; BYTES] {
        let hasher = Sha256::new().chain_update("aerogram portal\0").chain_update(purpose);
        hasher.chain_update("\0").chain_update(self.field()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_has_one_key() {
        let (one, other) = (Once::new().unwrap(), Once::new().unwrap());
        let again = Once::of(one.field()).unwrap();
        let key = |once: &Once| once.signing_key().expose_secret().to_owned();
        assert_eq!((key(&one), one.idempotency_key()), (key(&again), again.idempotency_key()));
        assert_ne!(key(&one), key(&other));
        let bytes = STANDARD.decode(key(&one).strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
        assert!(!key(&one).contains(&one.idempotency_key()) && !key(&one).contains(one.field()));
        assert!(!format!("{one:?}").contains(one.field()));
    }

    #[test]
    fn what_somebody_makes_up_is_none() {
        for text in ["", "1", "AAAA", "<b>", &"A".repeat(44)] {
            assert!(Once::of(text).is_none(), "{text}");
        }
    }
}
