//! `POST /subscriptions/{subscriptionId}/renewals`

use std::sync::Arc;

use aerogram_domain::subscription::SubscriptionView;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{Command, Renew};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use uuid::Uuid;

use super::auth::Caller;
use super::create::not_entitled;
use super::idempotency::{self, IdempotencyKey};
use super::precondition::{IfMatch, Precondition};
use super::problem::Problem;
use super::{Api, answer, body};

/// Renews a subscription.
///
/// A month more, in the five days before its expiry. There is nothing to say in a body, and so what it holds does not matter.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/renewals",
    operation_id = "renewSubscription",
    tag = "Subscriptions",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IfMatch,
        IdempotencyKey,
    ),
    request_body(content = Option<serde_json::Value>, description = "Not looked at."),
    responses(
        (
            status = 200,
            description = "It expires a calendar month later than it would have.",
            body = SubscriptionView,
            headers(("ETag" = String, description = "The version.")),
        ),
        (
            status = 409,
            description = "It can't be renewed now; `detail` says from when to when it could, or that it never expires.",
        ),
    ),
)]
pub async fn renew(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    body::read(&headers, body, api.settings.max_body_bytes, api.patience()).await?;
    let current = api.current(&caller.owner, &id).await?;
    if !caller.subscriber.may_subscribe(&current.event_type) {
        return Err(not_entitled(&current.event_type));
    }
    let precondition = Precondition::of(&headers);
    let (command_id, expected_version) = match key {
        None => (Uuid::new_v4().into_bytes(), precondition.expected_version(current.version)?),
        Some(key) => (
            idempotency::renewal(&caller.owner, &id, key, &precondition),
            precondition.expected_version_or_earlier(current.version)?,
        ),
    };
    let command = Command {
        scope: Some(caller.owner.scope()),
        expected_version,
        actor: caller.actor.clone(),
        change: Some(Change::Renew(Renew {})),
    };
    let result = api.submit(&caller, &id, command_id, command).await?;
    Ok(answer::subscription(StatusCode::OK, &answer::applied(result)?))
}
