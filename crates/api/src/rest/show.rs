//! `GET /subscriptions/{subscriptionId}`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, answer};

pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = api.current(&caller.owner, &id).await?;
    Ok(answer::subscription(StatusCode::OK, &state))
}
