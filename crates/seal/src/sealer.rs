//! Sealing and opening.

use std::collections::BTreeMap;
use std::fmt;

use aerogram_settings::SealSettings;
use aes_gcm::aead::{Aead as _, Generate as _, Nonce, Payload};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretSlice;

use crate::config::{SealConfigError, ciphers, names};

/// A sealed secret, as it is written to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key_id: String,
    /// 12 random bytes, used once.
    pub nonce: Vec<u8>,
    /// The ciphertext with its tag of 16 bytes.
    pub ciphertext: Vec<u8>,
}

/// Something could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system; nothing can be sealed until it gives some")]
    NoRandomness,
    /// The cipher refused, which it does beyond 64 GiB.
    #[error("the secret is too long to be sealed")]
    TooLong,
}

/// Something could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed with a key that is not configured here.
    #[error("sealed with key {key_id:?}, which is not in seal.keys; add it (there are: {known})")]
    UnknownKey {
        /// The key that is needed.
        key_id: String,
        /// The ids there are.
        known: String,
    },
    /// The nonce has the wrong length.
    #[error("the nonce has {bytes} bytes instead of 12; the record is damaged")]
    BadNonce {
        /// Its length.
        bytes: usize,
    },
    /// Authentication failed.
    #[error(
        "key {key_id:?} does not open it: it was changed, belongs to another subscription or operator, or the key \
         behind this id was replaced"
    )]
    Refused {
        /// The key that was tried.
        key_id: String,
    },
}

/// Seals with the current key and opens with every configured one.
#[derive(Clone)]
pub struct Sealer {
    ciphers: BTreeMap<String, Aes256Gcm>,
    current_id: String,
    current: Aes256Gcm,
}

impl Sealer {
    /// Takes the keys of the settings.
    ///
    /// # Errors
    /// All that is wrong with the keys, at once.
    pub fn from_settings(settings: &SealSettings) -> Result<Self, SealConfigError> {
        let ciphers = ciphers(settings)?;
        let current_id = settings.current.clone();
        match ciphers.get(&current_id).cloned() {
            Some(current) => Ok(Self { ciphers, current_id, current }),
            None => Err(SealConfigError(vec![crate::KeyProblem::NoCurrent])),
        }
    }

    /// The id of the key that seals what is new.
    #[must_use]
    pub fn current_key_id(&self) -> &str {
        &self.current_id
    }

    /// Seals `plaintext` for this subscription and operator, under a fresh random nonce.
    ///
    /// # Errors
    /// When there is no randomness, or the plaintext is longer than the cipher takes.
    pub fn seal(&self, plaintext: &[u8], subscription_id: &str, operator: &str) -> Result<Sealed, SealError> {
        let nonce = Nonce::<Aes256Gcm>::try_generate().map_err(|_| SealError::NoRandomness)?;
        let aad = associated_data(subscription_id, operator);
        let payload = Payload { msg: plaintext, aad: &aad };
        let ciphertext = self.current.encrypt(&nonce, payload).map_err(|_| SealError::TooLong)?;
        Ok(Sealed { key_id: self.current_id.clone(), nonce: nonce.to_vec(), ciphertext })
    }

    /// Opens what was sealed for this subscription and operator; the result is wiped when dropped.
    ///
    /// # Errors
    /// When the key is unknown, or what is sealed was changed or belongs elsewhere.
    pub fn open(
        &self,
        sealed: &Sealed,
        subscription_id: &str,
        operator: &str,
    ) -> Result<SecretSlice<u8>, OpenError> {
        let key_id = &sealed.key_id;
        let cipher = self.ciphers.get(key_id).ok_or_else(|| OpenError::UnknownKey {
            key_id: key_id.clone(),
            known: names(self.ciphers.keys()),
        })?;
        let nonce = Nonce::<Aes256Gcm>::try_from(sealed.nonce.as_slice())
            .map_err(|_| OpenError::BadNonce { bytes: sealed.nonce.len() })?;
        let aad = associated_data(subscription_id, operator);
        let payload = Payload { msg: &sealed.ciphertext, aad: &aad };
        let plaintext =
            cipher.decrypt(&nonce, payload).map_err(|_| OpenError::Refused { key_id: key_id.clone() })?;
        Ok(SecretSlice::from(plaintext))
    }
}

/// A new random key in the form of `seal.keys`.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_key() -> Result<String, SealError> {
    let key = Key::<Aes256Gcm>::try_generate().map_err(|_| SealError::NoRandomness)?;
    Ok(STANDARD.encode(key))
}

/// Shows the ids of the keys only.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.ciphers.keys().collect();
        f.debug_struct("Sealer")
            .field("current", &self.current_id)
            .field("keys", &ids)
            .finish_non_exhaustive()
    }
}

/// A version, then each part after its length: no two pairs have the same encoding.
fn associated_data(subscription_id: &str, operator: &str) -> Vec<u8> {
    let mut data = b"aerogram.seal.v1".to_vec();
    for part in [subscription_id, operator] {
        // A length fits 64 bits on every machine there is.
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
