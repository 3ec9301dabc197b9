//! `GET /escalations/{escalationId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::view::Detail;
use super::{Api, Keeper, Problem};

/// Shows a delivery that was given up.
///
/// The whole history, from where it stands in the log. What the event says only for those who are entitled to its type.
#[utoipa::path(
    get,
    path = "/escalations/{escalationId}",
    operation_id = "showEscalation",
    tag = "Escalations",
    params(("escalationId" = String, Path, description = "That of the delivery.")),
    responses(
        (status = 200, description = "As it is now.", body = Detail),
        (status = 410, description = "The log does not hold it any more."),
    ),
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = api.escalation(&keeper, &id).await?;
    let mut original = api.escalations.originals.of(&row).await?;
    if !keeper.may_have(&row.event_type) {
        let delivery = original.delivery.as_mut();
        if let Some(event) = delivery.and_then(|delivery| delivery.event.as_mut()) {
            event.data.clear();
        }
    }
    Ok(Json(Detail::of(&row, original, keeper.reader)).into_response())
}
