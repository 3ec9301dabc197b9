//! `GET /deliveries`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::LINK;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{self, Wanted};
use super::view::Summary;
use super::{Api, BASE, Keeper, Problem};
use crate::rest::parameters::next_page;
use crate::submit::now_ms;

/// Counted, at most.
const TOTAL_MAX: u64 = 10_000;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deliveries)]
struct Listed {
    deliveries: Vec<Summary>,
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

/// Lists deliveries.
///
/// A page, newest first unless something else is asked for. Where attempts are asked for (`lastOutcome`, `attemptsMin`, `attemptsMax`)
/// a page may be short, even empty, and have a `next`: how far one call looks is bounded.
#[utoipa::path(
    get,
    path = "/deliveries",
    operation_id = "listDeliveries",
    tag = "Deliveries",
    params(query::Parameters),
    responses((
        status = 200,
        description = "A page.",
        body = Listed,
        headers(("Link" = String, description = "The next page (RFC 8288), if there is one.")),
    )),
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    given: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) =
        given.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the query is not readable"))?;
    let wanted = query::parse(given.clone(), keeper.owner.as_ref()).map_err(Problem::parameters)?;
    let Wanted { mut query, total } = wanted;
    query.not_before_ms = api.history.since_ms(now_ms());
    api.history_caught_up().await?;
    let projection = &api.history.projection;
    let counted = match total {
        true => Some(api.projected(projection.deliveries_counted(query.clone(), TOTAL_MAX)).await?),
        false => None,
    };
    let page = api.projected(projection.deliveries(query)).await?;
    let next = page.next.map(|next| next.to_string());
    let link = next.as_deref().and_then(|next| link(&given, next));
    let listed = Listed {
        deliveries: page.rows.iter().map(|row| Summary::of(row, keeper.reader)).collect(),
        next,
        total: counted.map(|counted| counted.rows),
        total_is_at_least: counted.is_some_and(|counted| counted.is_at_least),
    };
    let mut response = Json(listed).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// To the next page (RFC 8288).
fn link(given: &[(String, String)], next: &str) -> Option<HeaderValue> {
    let target = format!("<{BASE}/deliveries?{}>; rel=\"next\"", next_page(given, next));
    HeaderValue::try_from(target).ok()
}
