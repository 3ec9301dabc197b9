//! `POST /escalations/{escalationId}/redeliveries`

use std::sync::Arc;

use aerogram_domain::escalations::Wish;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::view::Summary;
use super::{Api, Keeper, Problem, owner_of, resolve};
use crate::escalations::NotWritten;
use crate::rest::create::not_entitled;

/// Sends it again as another run with the whole schedule. Asking again changes nothing and gets the same answer.
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
        // It is the event that goes out, so as with a subscription to its type.
        if !keeper.may_have(&row.event_type) {
            return Err(not_entitled(&row.event_type));
        }
        let partition = api.cluster.subscription_partition(&row.subscription_id);
        api.caught_up(api.catch_up.partition(partition)).await?;
        let subscription = api.table.get(&owner_of(&row), &row.subscription_id);
        let delivery = api.escalations.originals.of(&row).await?.delivery.unwrap_or_default();
        let wish = Wish::Redeliver { why: &why, delivery: &delivery, subscription: subscription.as_deref() };
        resolve::resolve(&api, &keeper, row, wish).await
    });
    let row = redelivering.await.map_err(|_| NotWritten::Late)??;
    Ok((StatusCode::ACCEPTED, Json(Summary::of(&row))).into_response())
}
