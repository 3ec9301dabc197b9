//! `POST /escalations/{escalationId}/redeliveries`

use std::sync::Arc;

use aerogram_domain::escalations::Wish;
use aerogram_projection::Row;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::view::Summary;
use super::{Api, Keeper, Problem, owner_of, resolve};
use crate::escalations::NotWritten;
use crate::rest::create::not_entitled;
use crate::rest::openapi::Redelivery;

/// Sends again what was given up.
///
/// Sends it again as another run with the whole schedule. Asking again changes nothing and gets the same answer.
#[utoipa::path(
    post,
    path = "/escalations/{escalationId}/redeliveries",
    operation_id = "redeliverEscalation",
    tag = "Escalations",
    params(("escalationId" = String, Path, description = "That of the delivery.")),
    request_body(content = Option<Redelivery>, examples(
        ("why" = (summary = "With a reason", value = json!({"why": "the receiver is repaired"}))),
    )),
    responses(
        (status = 202, description = "It is sent again.", body = Summary),
        (status = 409, description = "Its subscription takes nothing, or it was dismissed at the same time."),
        (status = 410, description = "The log does not hold its event any more."),
    ),
)]
pub async fn redeliver(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let why = resolve::why(&api, &headers, body).await?.unwrap_or_default();
    // A task of its own: it goes on when the caller hangs up.
    let redelivering = tokio::spawn(async move {
        let row = api.escalation(&keeper, &id).await?;
        api.redeliver_escalation(&keeper, row, &why).await
    });
    let row = redelivering.await.map_err(|_| NotWritten::Late)??;
    Ok((StatusCode::ACCEPTED, Json(Summary::of(&row))).into_response())
}

impl Api {
    /// Sends again what was given up; see [`redeliver`].
    ///
    /// # Errors
    /// 403, 409, 410 and 503.
    pub async fn redeliver_escalation(&self, keeper: &Keeper, row: Row, why: &str) -> Result<Row, Problem> {
        // It is the event that goes out, so as with a subscription to its type.
        if !keeper.may_have(&row.event_type) {
            return Err(not_entitled(&row.event_type));
        }
        let partition = self.cluster.subscription_partition(&row.subscription_id);
        self.caught_up(self.catch_up.partition(partition)).await?;
        let subscription = self.table.get(&owner_of(&row), &row.subscription_id);
        let delivery = self.escalations.originals.delivery(&row).await?;
        let wish = Wish::Redeliver { why, delivery: &delivery, subscription: subscription.as_deref() };
        resolve::resolve(self, keeper, row, wish).await
    }
}
