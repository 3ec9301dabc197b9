//! Keys as configured.

use std::collections::BTreeMap;
use std::fmt;

use aerogram_settings::SealSettings;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;

/// Length of a key, in bytes.
const KEY_BYTES: usize = 32;

/// One thing wrong with the sealing keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No key is named for what is new.
    #[error("seal.current is not set; name the key of seal.keys that seals what is new")]
    NoCurrent,
    /// The named key is not there.
    #[error("seal.current names {id:?}, which is not in seal.keys; add that key or name one of: {known}")]
    CurrentMissing {
        /// The id named.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// A key is not base64.
    #[error("seal.keys.{id} is not base64; make a key with: openssl rand -base64 32")]
    NotBase64 {
        /// The key's id.
        id: String,
    },
    /// A key has the wrong length.
    #[error(
        "seal.keys.{id} has {bytes} bytes instead of {KEY_BYTES}; make a key with: openssl rand -base64 32"
    )]
    WrongLength {
        /// The key's id.
        id: String,
        /// Its length.
        bytes: usize,
    },
}

/// Everything wrong with the sealing keys; shown one per line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SealConfigError(pub Vec<KeyProblem>);

impl fmt::Display for SealConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealing keys cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The ciphers by key id.
pub(crate) fn ciphers(settings: &SealSettings) -> Result<BTreeMap<String, Aes256Gcm>, SealConfigError> {
    let mut problems = Vec::new();
    let mut ciphers = BTreeMap::new();
    for (id, text) in &settings.keys {
        let Ok(bytes) = STANDARD.decode(text.expose_secret().trim()).map(Zeroizing::new) else {
            problems.push(KeyProblem::NotBase64 { id: id.clone() });
            continue;
        };
        match Aes256Gcm::new_from_slice(&bytes) {
            Ok(cipher) => {
                ciphers.insert(id.clone(), cipher);
            }
            Err(_) => problems.push(KeyProblem::WrongLength { id: id.clone(), bytes: bytes.len() }),
        }
    }
    let current = &settings.current;
    if current.is_empty() {
        problems.push(KeyProblem::NoCurrent);
    } else if !settings.keys.contains_key(current) {
        problems.push(KeyProblem::CurrentMissing { id: current.clone(), known: names(settings.keys.keys()) });
    }
    if problems.is_empty() { Ok(ciphers) } else { Err(SealConfigError(problems)) }
}

/// Ids for a message.
pub(crate) fn names<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = ids.map(String::as_str).collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}
