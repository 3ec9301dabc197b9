//! `GET /escalations/{escalationId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::view::Detail;
use super::{Api, Keeper, Problem};

/// The whole history, from where it stands in the log.
pub async fn show(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = api.escalation(&keeper, &id).await?;
    let original = api.escalations.originals.of(&row).await?;
    Ok(Json(Detail::of(&row, original)).into_response())
}
