//! `DELETE /subscriptions/{subscriptionId}`

use std::sync::Arc;

use aerogram_wire::v1::Delete;
use aerogram_wire::v1::command::Change;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::auth::Caller;
use super::precondition::{IfMatch, Precondition};
use super::problem::Problem;
use super::{Api, answer};

/// Deletes a subscription.
///
/// Nothing more is sent, but for the requests that are open; what waits is cancelled, and its history stays.
#[utoipa::path(
    delete,
    path = "/subscriptions/{subscriptionId}",
    operation_id = "deleteSubscription",
    tag = "Subscriptions",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IfMatch,
    ),
    responses((status = 204, description = "It is deleted.")),
)]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let current = api.current(&caller.owner, &id).await?;
    let expected_version = Precondition::of(&headers).expected_version(current.version)?;
    let result = api.change(&caller, &id, expected_version, Change::Delete(Delete {})).await?;
    answer::applied(result)?;
    Ok(StatusCode::NO_CONTENT)
}
