//! `GET /subscriptions`

use std::sync::Arc;

use aerogram_domain::subscription::{SubscriptionView, view};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::Api;
use super::auth::Caller;
use super::problem::Problem;
use crate::submit::now_ms;

/// Lists subscriptions.
///
/// All of the pair's subscriptions, active and inactive, as a bare array, the oldest first.
#[utoipa::path(
    get,
    path = "/subscriptions",
    operation_id = "listSubscriptions",
    tag = "Subscriptions",
    responses((status = 200, description = "All of them.", body = [SubscriptionView])),
)]
pub async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    api.caught_up(api.catch_up.all()).await?;
    let now_ms = now_ms();
    let views: Vec<_> = api.table.list(&caller.owner).iter().map(|s| view(s, now_ms)).collect();
    Ok(Json(views).into_response())
}
