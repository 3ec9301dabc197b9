use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

const TOLERANCE_S: u64 = 5 * 60;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Key,
    Header,
    Timestamp,
    Signature,
}

/// Fails unless Aerogram sent exactly this body within the last minutes. `header` looks a header up, as does
/// `|name| headers.get(name)?.to_str().ok()` with the http crate; `body` is the bytes as they came.
pub fn verify<'a>(
    signing_key: &str,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Result<(), Refused> {
    let key = match signing_key.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| Refused::Key)?,
        None => signing_key.as_bytes().to_vec(),
    };
    if key.is_empty() {
        return Err(Refused::Key);
    }
    let id = header("webhook-id").ok_or(Refused::Header)?;
    let timestamp = header("webhook-timestamp").ok_or(Refused::Header)?;
    let signatures = header("webhook-signature").ok_or(Refused::Header)?;

    let sent_s: u64 = timestamp.parse().map_err(|_| Refused::Timestamp)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Refused::Timestamp)?;
    if now.as_secs().abs_diff(sent_s) > TOLERANCE_S {
        return Err(Refused::Timestamp);
    }

    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Refused::Key)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let fits = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
        // Compares in constant time.
        given.is_some_and(|given| mac.clone().verify_slice(&given).is_ok())
    };
    if signatures.split(' ').any(fits) { Ok(()) } else { Err(Refused::Signature) }
}
