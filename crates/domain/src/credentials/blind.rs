//! Looking up tokens so that the time it takes tells nothing about those that are there.
//!
//! What a lookup compares, byte by byte and until the first difference, is neither the token nor its SHA-256 but an HMAC of that
//! under a key that only this process knows and that is another one after each reading of the file. Who chooses a token can
//! choose its SHA-256 to some degree, but not the HMAC: how far a comparison came says nothing he could use for the next guess.
//! So an ordinary map will do, whose time does not grow with the number of tokens.

use super::TokenHash;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// Values by the SHA-256 of their tokens.
#[derive(Clone, Debug)]
pub(super) struct Blind<V> {
    key: [u8; 32],
    entries: HashMap<[u8; 32], (TokenHash, V)>,
}

impl<V> Default for Blind<V> {
    fn default() -> Self {
        Self { key: random_key(), entries: HashMap::new() }
    }
}

impl<V> Blind<V> {
    pub fn get(&self, sha256: &TokenHash) -> Option<&V> {
        self.entries.get(&self.blinded(sha256)).map(|(_, value)| value)
    }

    /// What stood there before is returned.
    pub fn insert(&mut self, sha256: TokenHash, value: V) -> Option<V> {
        let blinded = self.blinded(&sha256);
        self.entries.insert(blinded, (sha256, value)).map(|(_, before)| before)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|(_, value)| value)
    }

    /// With the SHA-256 of each, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&TokenHash, &V)> {
        self.entries.values().map(|(sha256, value)| (sha256, value))
    }

    fn blinded(&self, sha256: &TokenHash) -> [u8; 32] {
        // HMAC takes keys of any length, so the other arm is never taken; it would let nobody in.
        match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mac) => mac.chain_update(sha256).finalize().into_bytes().into(),
            Err(_) => [0; 32],
        }
    }
}

/// From the keys that the standard library draws from the system against flooded maps. They are no secret worth a token: who
/// had this key could time lookups again, and would still have to guess 32 random bytes.
fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    for (part, number) in key.as_chunks_mut::<8>().0.iter_mut().zip(0u64..) {
        *part = RandomState::new().hash_one(number).to_le_bytes();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_another_in_every_process_and_not_the_hash() {
        let (mut one, mut other) = (Blind::default(), Blind::default());
        for blind in [&mut one, &mut other] {
            assert_eq!(blind.insert([7; 32], "seven"), None);
            assert_eq!(blind.insert([7; 32], "again"), Some("seven"));
            assert_eq!((blind.get(&[7; 32]), blind.get(&[8; 32])), (Some(&"again"), None));
            assert_eq!(blind.iter().collect::<Vec<_>>(), [(&[7; 32], &"again")]);
            assert!(!blind.entries.contains_key(&[7; 32]));
        }
        assert_ne!(one.entries.keys().next(), other.entries.keys().next());
    }
}
