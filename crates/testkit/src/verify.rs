//! Checks signatures with the Standard Webhooks reference library, which shares no code with the product.

use crate::receiver::Request;
use anyhow::{Context, Result, ensure};
use http::HeaderMap;
use standardwebhooks::{Webhook, WebhookError};
use std::sync::Arc;

/// Checks one request's `webhook-signature`. A key is the UTF-8 bytes of `signing_key`, or, after `whsec_`, base64.
///
/// # Errors
/// A header is missing, the timestamp is more than five minutes away, or no signature fits the key.
pub fn verify(signing_key: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
    webhook(signing_key)?.verify(body, headers)
}

/// Checks one request of a receiver's log.
///
/// # Errors
/// As [`verify`]; the message names the request.
pub fn verify_request(signing_key: &str, request: &Request) -> Result<()> {
    verify(signing_key, &request.headers, &request.body).with_context(|| {
        let id = request.webhook_id().unwrap_or("none");
        format!("the signature of a request to {} with webhook-id {id}", request.path)
    })
}

/// Checks all of `requests`, of which there must be at least one.
///
/// # Errors
/// As [`verify_request`], for the first that fails.
pub fn verify_all(signing_key: &str, requests: &[Arc<Request>]) -> Result<()> {
    ensure!(!requests.is_empty(), "there is no request whose signature could be checked");
    requests.iter().try_for_each(|request| verify_request(signing_key, request))
}

/// The signature (`v1,…`) that a request with these headers and this body must carry.
///
/// # Errors
/// The key is not base64 after `whsec_`, or the body not UTF-8.
pub fn sign(
    signing_key: &str,
    webhook_id: &str,
    timestamp_s: i64,
    body: &[u8],
) -> Result<String, WebhookError> {
    webhook(signing_key)?.sign(webhook_id, timestamp_s, body)
}

fn webhook(signing_key: &str) -> Result<Webhook, WebhookError> {
    if signing_key.starts_with("whsec_") {
        Webhook::new(signing_key)
    } else {
        Webhook::from_bytes(signing_key.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn now_s() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
    }

    fn headers(timestamp_s: i64, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", ID.parse().unwrap());
        headers.insert("webhook-timestamp", timestamp_s.to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    // The vector of the Standard Webhooks specification.
    #[test]
    fn signs_the_published_vector() {
        let signature = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ID, 1_614_265_330, BODY).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    // HMAC-SHA256 of "{id}.1614265330.{body}" under the bytes of the text, computed with openssl.
    #[test]
    fn takes_a_plain_key_by_its_bytes() {
        let signature = sign("your-secret-signing-key-123", ID, 1_614_265_330, BODY).unwrap();
        assert_eq!(signature, "v1,W8Dd+1kT/UzFqrBbCT55UhyvzOCC5w+we79gyl9mLFI=");
    }

    #[test]
    fn accepts_any_fitting_signature_of_a_list() {
        let old = sign("old key", ID, now_s(), BODY).unwrap();
        let new = sign("new key", ID, now_s(), BODY).unwrap();
        let headers = headers(now_s(), &format!("{new} {old}"));
        verify("old key", &headers, BODY).unwrap();
        verify("new key", &headers, BODY).unwrap();
        assert!(matches!(verify("third key", &headers, BODY), Err(WebhookError::InvalidSignature)));
    }

    #[test]
    fn refuses_another_body_and_an_old_timestamp() {
        let headers_now = headers(now_s(), &sign("key", ID, now_s(), BODY).unwrap());
        assert!(matches!(verify("key", &headers_now, b"{}"), Err(WebhookError::InvalidSignature)));
        let old = now_s() - 301;
        let headers_old = headers(old, &sign("key", ID, old, BODY).unwrap());
        assert!(matches!(verify("key", &headers_old, BODY), Err(WebhookError::TimestampTooOldError)));
    }
}
