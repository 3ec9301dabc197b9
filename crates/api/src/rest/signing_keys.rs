//! `POST /subscriptions/{subscriptionId}/signing-keys`

use std::sync::Arc;

use aerogram_domain::subscription::SubscriptionView;
use aerogram_domain::subscription_request::parse_key;
use aerogram_wire::v1::ReplaceSigningKey;
use aerogram_wire::v1::command::Change;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::auth::Caller;
use super::openapi::NewSigningKey;
use super::precondition::{IfMatch, Precondition};
use super::problem::Problem;
use super::secrets::Sealing;
use super::{Api, answer};

/// Replaces the signing key.
///
/// Another signing key; the one before signs too for a while. Needs no entitlement: whoever owns a key must be able to
/// change one that was found out.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/signing-keys",
    operation_id = "replaceSigningKey",
    tag = "Subscriptions",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IfMatch,
    ),
    request_body(
        content = NewSigningKey,
        examples(
            ("made" = (summary = "One is made", value = json!({}))),
            ("given" = (summary = "One that is given, with two days of overlap", value = json!({
                "signingKey": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "overlapHours": 48,
            }))),
        ),
    ),
    responses(
        (
            status = 201,
            description = "It signs from now on. `signingKey` is there where one was made, and told only here.",
            body = SubscriptionView,
            headers(("ETag" = String, description = "The version.")),
        ),
    ),
)]
pub async fn replace(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = api.read_json(&headers, body).await?;
    let request = parse_key(&body).map_err(Problem::fields)?;
    let current = api.current(&caller.owner, &id).await?;
    let expected_version = Precondition::of(&headers).expected_version(current.version)?;
    let sealing = Sealing { api: &api, subscription_id: &id, operator: &caller.subscriber.operator };
    let key = sealing.signing_key(request.signing_key.as_ref())?;
    let replacement =
        ReplaceSigningKey { signing_key: Some(key.sealed.clone()), overlap_ms: request.overlap_ms };
    let change = Change::ReplaceSigningKey(replacement);
    let result = api.change(&caller, &id, expected_version, change).await?;
    answer::with_key(StatusCode::CREATED, result, &key)
}
