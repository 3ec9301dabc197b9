//! Opening what is sealed in a subscription, and covering it in what comes back.

use aerogram_domain::redact::{redact, secrets_of};
use aerogram_seal::{OpenError, Sealed, Sealer};
use aerogram_wire::v1;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretSlice};

/// A secret cannot be used: our own fault, never the receiver's.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    #[error("cannot be opened: {0}")]
    Sealed(#[from] OpenError),
    #[error("is not text")]
    NoText,
}

/// Something opened, wiped when dropped.
pub struct Opened(SecretSlice<u8>);

impl Opened {
    pub fn text(&self) -> Result<&str, BadSecret> {
        std::str::from_utf8(self.0.expose_secret()).map_err(|_| BadSecret::NoText)
    }
}

/// Opens what was sealed for this subscription.
pub fn open(
    sealer: &Sealer,
    sealed: &v1::Sealed,
    subscription: &v1::Subscription,
) -> Result<Opened, BadSecret> {
    let sealed = Sealed {
        key_id: sealed.key_id.clone(),
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext.to_vec(),
    };
    let operator = subscription.scope.as_ref().map_or("", |scope| scope.operator.as_str());
    Ok(Opened(sealer.open(&sealed, &subscription.id, operator)?))
}

/// The headers of a request that are the customer's secrets: a receiver may answer with them.
pub struct Sent(Vec<(HeaderName, HeaderValue)>);

impl Sent {
    pub fn of(headers: &HeaderMap) -> Self {
        let secret = headers.iter().filter(|(_, value)| value.is_sensitive());
        Self(secret.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The beginning of an answer without them, at most `max_bytes`.
    pub fn covered(&self, excerpt: String, max_bytes: usize) -> String {
        if self.0.is_empty() || excerpt.is_empty() {
            return excerpt;
        }
        let texts = self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let secrets: Vec<_> = texts.flat_map(|(name, value)| secrets_of(name, value)).collect();
        redact(&excerpt, &secrets, max_bytes)
    }
}
