//! One HTTP try: body, signature, headers, request, and what came of it.

use crate::parts::Parts;
use aerogram_domain::body::{BodyError, default_body, webhook_id};
use aerogram_domain::policy::{Answer, AttemptResult, retry_after_ms};
use aerogram_domain::signing::{self, BadKey};
use aerogram_egress::Failure;
use aerogram_seal::{OpenError, Sealed};
use aerogram_telemetry::wall_ms;
use aerogram_wire::v1::{Delivery, Outcome, Subscription};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::ExposeSecret as _;
use std::time::Instant;

/// Why a request could not be made ready: our own fault, never the receiver's.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error("the record has no event")]
    NoEvent,
    #[error("the subscription has no signing key")]
    NoKey,
    #[error("its signing key cannot be opened: {0}")]
    Sealed(#[from] OpenError),
    #[error("its signing key is not text")]
    KeyText(#[from] std::str::Utf8Error),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("a header cannot be sent: {0}")]
    Header(#[from] InvalidHeaderValue),
    // Without the URL itself: its query may hold a token.
    #[error("its callback URL cannot be called: {0}")]
    Url(#[from] http::uri::InvalidUri),
}

struct Request {
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Makes attempt number `attempt`.
pub async fn attempt(
    parts: &Parts,
    attempt: u32,
    delivery: &Delivery,
    subscription: &Subscription,
) -> AttemptResult {
    let (started_at_ms, began) = (wall_ms(), Instant::now());
    let answer = match prepare(parts, delivery, subscription, started_at_ms / 1000) {
        Ok(request) => post(parts, request).await,
        Err(problem) => {
            tracing::error!(
                subscription = subscription.id, delivery = webhook_id(&delivery.delivery_id), attempt, %problem,
                "a request could not be made ready; it is retried as our own fault"
            );
            Answer::Failed(Outcome::PlatformError)
        }
    };
    let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    tracing::debug!(subscription = subscription.id, attempt, ?answer, duration_ms, "attempt");
    AttemptResult { started_at_ms, duration_ms, answer }
}

fn prepare(
    parts: &Parts,
    delivery: &Delivery,
    subscription: &Subscription,
    now_s: i64,
) -> Result<Request, Unready> {
    let event = delivery.event.as_ref().ok_or(Unready::NoEvent)?;
    let body = default_body(event, &subscription.id)?;
    let id = webhook_id(&delivery.delivery_id);
    let signature = signing::sign(&signing_key(parts, subscription)?, &id, now_s, &body)?;
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static(signing::ID_HEADER), HeaderValue::try_from(id)?);
    headers.insert(HeaderName::from_static(signing::TIMESTAMP_HEADER), HeaderValue::from(now_s));
    headers.insert(HeaderName::from_static(signing::SIGNATURE_HEADER), HeaderValue::try_from(signature)?);
    if !delivery.traceparent.is_empty() {
        let value = HeaderValue::from_str(&delivery.traceparent)?;
        headers.insert(HeaderName::from_static(aerogram_wire::headers::TRACEPARENT), value);
    }
    let uri = subscription.callback_url.parse()?;
    Ok(Request { uri, headers, body: body.into() })
}

fn signing_key(parts: &Parts, subscription: &Subscription) -> Result<Vec<u8>, Unready> {
    let sealed = subscription.signing_key.as_ref().ok_or(Unready::NoKey)?;
    let sealed = Sealed {
        key_id: sealed.key_id.clone(),
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext.to_vec(),
    };
    let operator = subscription.scope.as_ref().map_or("", |scope| scope.operator.as_str());
    let opened = parts.sealer.open(&sealed, &subscription.id, operator)?;
    Ok(signing::key_bytes(std::str::from_utf8(opened.expose_secret())?)?)
}

async fn post(parts: &Parts, request: Request) -> Answer {
    match parts.egress.post(&request.uri, request.headers, request.body, parts.request_timeout).await {
        Ok(response) => Answer::Status {
            status: response.status,
            retry_after_ms: response.retry_after.and_then(|value| retry_after_ms(&value, wall_ms())),
        },
        Err(failure) => Answer::Failed(match failure {
            Failure::Dns(_) => Outcome::Dns,
            // What is not an HTTP answer came from a peer that does not speak with us.
            Failure::Connect(_) | Failure::BadResponse(_) => Outcome::Connect,
            Failure::Tls(_) => Outcome::Tls,
            Failure::Timeout(_) => Outcome::Timeout,
            Failure::Blocked(_) => Outcome::Blocked,
        }),
    }
}
