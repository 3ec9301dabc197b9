//! `GET /escalations`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{self, Wanted};
use super::view::Summary;
use super::{Api, Keeper, Problem};

/// Counted, at most.
const TOTAL_MAX: u64 = 10_000;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Escalations)]
struct Listed {
    escalations: Vec<Summary>,
    /// Where the next page begins, for `after`; `null`: this is the last.
    #[schema(required)]
    next: Option<String>,
    /// How many there are on all pages, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// There are more than were counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_is_at_least: bool,
}

/// Lists deliveries that were given up.
///
/// A page, newest first.
#[utoipa::path(
    get,
    path = "/escalations",
    operation_id = "listEscalations",
    tag = "Escalations",
    params(query::Parameters),
    responses((status = 200, description = "A page.", body = Listed)),
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    given: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) =
        given.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the query is not readable"))?;
    let Wanted { query, total } = query::parse(given, keeper.owner.as_ref()).map_err(Problem::parameters)?;
    api.escalations_caught_up().await?;
    let projection = &api.escalations.projection;
    let counted = match total {
        true => Some(api.projected(projection.count_escalations(query.clone(), TOTAL_MAX)).await?),
        false => None,
    };
    let page = api.projected(projection.escalations(query)).await?;
    Ok(Json(Listed {
        escalations: page.rows.iter().map(Summary::of).collect(),
        next: page.next.map(|next| next.to_string()),
        total: counted.map(|counted| counted.rows),
        total_is_at_least: counted.is_some_and(|counted| counted.is_at_least),
    })
    .into_response())
}
