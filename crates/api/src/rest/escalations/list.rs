//! `GET /escalations`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::view::Summary;
use super::{Api, Keeper, Problem, query};

#[derive(Serialize)]
struct Listed {
    escalations: Vec<Summary>,
    next: Option<String>,
}

/// A page, newest first.
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
