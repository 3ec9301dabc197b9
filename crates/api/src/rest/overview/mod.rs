//! `GET /subscriptions/{subscriptionId}/overview`

mod receiver;
mod view;

use std::sync::Arc;

use aerogram_domain::history::{HOUR_MS, hour_of};
use aerogram_projection::OverviewQuery;
use aerogram_telemetry::top::Top;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Keeper;
use super::problem::Problem;
use crate::submit::now_ms;
use receiver::{Asked, Receiver};
use view::View;

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(overview))
}

/// Shows how a subscription does.
///
/// What became of its deliveries in the last 24 hours, what waits, and how its receiver does. Tests count as all others do.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/overview",
    operation_id = "showOverview",
    tag = "Deliveries",
    params(("subscriptionId" = String, Path, format = Uuid)),
    responses((status = 200, description = "As it is now.", body = View)),
)]
async fn overview(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let subscription = api.subscription_for(&keeper, &id).await?;
    let (rows, given_up) = tokio::join!(api.history_caught_up(), api.escalations_caught_up());
    rows.and(given_up)?;
    let now_ms = now_ms();
    let scope = subscription.scope.clone().unwrap_or_default();
    let query = OverviewQuery {
        partner: scope.partner,
        operator: scope.operator,
        subscription_id: subscription.id.clone(),
        now_ms,
        not_before_ms: api.history.since_ms(now_ms),
    };
    let found = api.projected(api.history.projection.overview(query)).await?;
    let asked = Asked {
        subscription: &subscription,
        now_ms,
        give_up_after_ms: api.give_up_after_ms,
        partitions: usize::try_from(api.cluster.layout().partitions).unwrap_or(usize::MAX),
    };
    let receiver = Receiver::of(&asked, &Top::of_process().known_of(&id));
    let first = found.hours.first().map_or(hour_of(now_ms), |(hour, _)| *hour);
    let is_whole = api.history.projection.whole_since_ms() <= first.saturating_mul(HOUR_MS);
    Ok(Json(View::of(&found, receiver, is_whole)).into_response())
}
