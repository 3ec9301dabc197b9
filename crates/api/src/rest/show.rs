//! `GET /subscriptions/{subscriptionId}`

use std::sync::Arc;

use aerogram_domain::subscription::SubscriptionView;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, answer};

/// Shows a subscription.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}",
    operation_id = "showSubscription",
    tag = "Subscriptions",
    params(("subscriptionId" = String, Path, format = Uuid)),
    responses((
        status = 200,
        description = "As it is now.",
        body = SubscriptionView,
        headers(("ETag" = String, description = "The version.")),
    )),
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = api.current(&caller.owner, &id).await?;
    Ok(answer::subscription(StatusCode::OK, &state))
}
