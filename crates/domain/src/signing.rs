//! Standard Webhooks signatures: `v1,base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}"))`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Header names of Standard Webhooks.
pub const ID_HEADER: &str = "webhook-id";
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// A `signingKey` starting so holds base64; any other is taken as the UTF-8 bytes of its text.
pub const ENCODED_PREFIX: &str = "whsec_";

/// What follows `whsec_` is not base64.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a signing key starting with whsec_ must go on in base64; give the key as plain text or encode it")]
pub struct BadKey;

/// The key bytes of a `signingKey`.
pub fn key_bytes(signing_key: &str) -> Result<Vec<u8>, BadKey> {
    match signing_key.strip_prefix(ENCODED_PREFIX) {
        Some(encoded) => BASE64.decode(encoded).map_err(|_| BadKey),
        None => Ok(signing_key.as_bytes().to_vec()),
    }
}

/// The `webhook-signature` of one body under one key.
pub fn sign(key: &[u8], webhook_id: &str, timestamp_s: i64, body: &[u8]) -> Result<String, BadKey> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| BadKey)?;
    mac.update(webhook_id.as_bytes());
    mac.update(format!(".{timestamp_s}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

/// The `webhook-signature` of one body under several keys: a signature of each, separated by blanks.
///
/// # Errors
/// There is no key, or one that cannot sign.
pub fn sign_with_all(
    keys: &[impl AsRef<[u8]>],
    webhook_id: &str,
    timestamp_s: i64,
    body: &[u8],
) -> Result<String, BadKey> {
    match keys {
        [] => Err(BadKey),
        [key] => sign(key.as_ref(), webhook_id, timestamp_s, body),
        keys => {
            let signatures = keys.iter().map(|key| sign(key.as_ref(), webhook_id, timestamp_s, body));
            Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vector() {
        let key = key_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_key_signs_in_its_place() {
        let alone = |key: &str| sign(key.as_bytes(), "msg_1", 1, b"{}").unwrap();
        let keys = ["new".as_bytes(), "old".as_bytes()];
        assert_eq!(
            sign_with_all(&keys, "msg_1", 1, b"{}").unwrap(),
            format!("{} {}", alone("new"), alone("old"))
        );
        assert_eq!(sign_with_all(&["new"], "msg_1", 1, b"{}").unwrap(), alone("new"));
        assert!(sign_with_all(&[] as &[&[u8]], "msg_1", 1, b"{}").is_err());
    }

    #[test]
    fn plain_keys_are_their_bytes_and_broken_ones_are_refused() {
        assert_eq!(key_bytes("your-secret-signing-key-123").unwrap(), b"your-secret-signing-key-123");
        assert_eq!(key_bytes("whsec_not base64!"), Err(BadKey));
    }
}
