//! From results of commands to answers.

use aerogram_domain::subscription::{SubscriptionView, view};
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{CommandResult, Refusal, Subscription};
use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::precondition::etag;
use super::problem::Problem;
use super::secrets::Key;
use crate::submit::now_ms;

/// A subscription with its `ETag`.
pub fn subscription(status: StatusCode, state: &Subscription) -> Response {
    tagged(status, state, &view(state, now_ms()))
}

/// The new state, with its signing key if that was made for its owner.
///
/// # Errors
/// See [`applied`].
pub fn with_key(status: StatusCode, result: CommandResult, key: &Key) -> Result<Response, Problem> {
    let made = key.to_tell(&result.signing_key_nonce);
    let state = applied(result)?;
    let view = SubscriptionView { signing_key: made, ..view(&state, now_ms()) };
    Ok(tagged(status, &state, &view))
}

fn tagged(status: StatusCode, state: &Subscription, view: &SubscriptionView) -> Response {
    let mut response = (status, Json(view)).into_response();
    if let Some(tag) = etag(state.version) {
        response.headers_mut().insert(ETAG, tag);
    }
    // A signing key is told once; it is nothing for caches on the way.
    if view.signing_key.is_some() {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The new state, or why there is none.
///
/// # Errors
/// 404, 409 or 412 for what was refused; 500 for what should have been found wrong before.
pub fn applied(result: CommandResult) -> Result<Subscription, Problem> {
    let refusal = match result.outcome {
        Some(Outcome::Applied(state)) => return Ok(state),
        Some(Outcome::Refused(refusal)) => Refusal::try_from(refusal).unwrap_or(Refusal::Unspecified),
        None => Refusal::Unspecified,
    };
    Err(match refusal {
        Refusal::NotFound => Problem::no_such_subscription(),
        Refusal::AlreadyExists | Refusal::Expired | Refusal::Conflict | Refusal::NotRenewable => {
            Problem::new(StatusCode::CONFLICT, result.detail)
        }
        Refusal::VersionMismatch => Problem::new(StatusCode::PRECONDITION_FAILED, result.detail),
        Refusal::Invalid | Refusal::Unspecified => {
            tracing::error!(detail = result.detail, "a command that was checked was refused as invalid");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the change was refused for a reason of our own")
        }
    })
}
