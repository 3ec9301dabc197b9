//! Reading JSON bodies.

use std::time::Duration;

use aerogram_domain::subscription_request::Body as Fields;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::problem::Problem;

/// Reads a JSON object of at most `max_bytes`, whatever its content type says.
///
/// # Errors
/// 400 saying where it is not JSON or that it is no object, 408 when it takes longer than `patience`, 413 when it is too large.
pub async fn read_json(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    patience: Duration,
) -> Result<Fields, Problem> {
    let bytes = read(headers, body, max_bytes, patience).await?;
    if bytes.is_empty() {
        return Err(Problem::body("must be a JSON object, but there is none"));
    }
    Fields::parse(&bytes).map_err(|error| Problem::fields(vec![error]))
}

/// Reads at most `max_bytes`.
///
/// # Errors
/// 400 when it breaks off, 408 when it takes longer than `patience`, 413 when it is too large.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    patience: Duration,
) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body may have at most {max_bytes} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(patience, Limited::new(body, max_bytes).collect()).await {
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::body("did not arrive completely")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}
