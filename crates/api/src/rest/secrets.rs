//! Everything secret is sealed before it goes into a command.

use aerogram_domain::authentication::Authentication;
use aerogram_domain::subscription::MadeKey;
use aerogram_domain::subscription_request::SigningKey;
use aerogram_domain::template::Template;
use aerogram_seal::{SealError, new_key};
use aerogram_wire::v1;
use bytes::Bytes;

use super::Api;
use super::problem::Problem;

/// A signing key, sealed; and itself, if it was made here.
pub struct Key {
    pub sealed: v1::Sealed,
    made: Option<SigningKey>,
}

impl Key {
    /// The key to tell its owner in the answer, if it was made here and is the one that came into force: a repeat of a
    /// creation makes another, which nothing is signed with.
    pub fn to_tell(&self, nonce_in_force: &Bytes) -> Option<MadeKey> {
        let made = self.made.as_ref().filter(|_| self.is_in_force(nonce_in_force))?;
        Some(MadeKey(made.expose().to_owned()))
    }

    /// Whether it is this one, sealed by this request. Of a creation: whether it is this request that created, and no earlier
    /// one that it repeats.
    pub fn is_in_force(&self, nonce_in_force: &Bytes) -> bool {
        self.sealed.nonce == *nonce_in_force
    }
}

/// Seals for one subscription.
pub struct Sealing<'a> {
    pub api: &'a Api,
    pub subscription_id: &'a str,
    pub operator: &'a str,
}

impl Sealing<'_> {
    /// The key its owner gives, or one that is made.
    ///
    /// # Errors
    /// 503 when nothing can be sealed.
    pub fn signing_key(&self, given: Option<&SigningKey>) -> Result<Key, Problem> {
        let made = match given {
            Some(_) => None,
            // 32 random bytes, as Standard Webhooks recommends.
            None => Some(SigningKey::of_random(&new_key().map_err(failed)?)),
        };
        let key = given.or(made.as_ref()).map(SigningKey::expose).unwrap_or_default();
        Ok(Key { sealed: self.seal(key)?, made })
    }

    /// # Errors
    /// 503 when nothing can be sealed.
    pub fn template(&self, template: &Template) -> Result<v1::Template, Problem> {
        Ok(v1::Template {
            headers: template.header_json().map(|json| self.seal(&json)).transpose()?,
            header_names: template.header_names().map(str::to_owned).collect(),
            body: template.body_json().unwrap_or_default().to_owned(),
        })
    }

    /// # Errors
    /// 503 when nothing can be sealed.
    pub fn authentication(&self, authentication: &Authentication) -> Result<v1::Authentication, Problem> {
        Ok(v1::Authentication {
            r#type: authentication.kind.name().to_owned(),
            value: Some(self.seal(authentication.expose())?),
        })
    }

    fn seal(&self, secret: &str) -> Result<v1::Sealed, Problem> {
        let sealed =
            self.api.sealer.seal(secret.as_bytes(), self.subscription_id, self.operator).map_err(failed)?;
        Ok(v1::Sealed {
            key_id: sealed.key_id,
            nonce: sealed.nonce.into(),
            ciphertext: sealed.ciphertext.into(),
        })
    }
}

fn failed(error: SealError) -> Problem {
    tracing::error!("a secret can't be sealed: {error}");
    Problem::unavailable("a secret could not be sealed; nothing was changed")
}
