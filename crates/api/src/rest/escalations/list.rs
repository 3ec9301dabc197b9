//! `GET /escalations`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::Summary;
use super::{Api, Keeper, Problem, query};

#[derive(Serialize, ToSchema)]
#[schema(as = Escalations)]
struct Listed {
    escalations: Vec<Summary>,
    /// Where the next page begins, for `after`; `null`: this is the last.
    #[schema(required)]
    next: Option<String>,
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
    let query = query::parse(given, keeper.owner.as_ref()).map_err(Problem::parameters)?;
    api.escalations_caught_up().await?;
    let page = api.projected(api.escalations.projection.escalations(query)).await?;
    let escalations = page.rows.iter().map(Summary::of).collect();
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Listed { escalations, next }).into_response())
}
