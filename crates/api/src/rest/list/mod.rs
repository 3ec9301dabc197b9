//! `GET /subscriptions`

mod last;
mod query;

pub use last::LongLists;

use std::sync::Arc;

use aerogram_domain::subscription::{SubscriptionView, brief_view, view};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::problem::Problem;
use crate::submit::now_ms;
use last::Last;

/// A subscription, and what was asked for besides.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedSubscription)]
pub struct Listed {
    #[serde(flatten)]
    subscription: SubscriptionView,
    /// The newest by date of issue, as far as history reaches back; `null`: there is none. There if `include` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Last>)]
    last_delivery: Option<Option<Last>>,
}

/// Lists subscriptions.
///
/// All of the pair's subscriptions, or those of them that `id` names, active and inactive, as a bare array, the oldest first.
/// Parameters that are not known are ignored here.
#[utoipa::path(
    get,
    path = "/subscriptions",
    operation_id = "listSubscriptions",
    tag = "Subscriptions",
    params(query::Parameters),
    responses((status = 200, description = "All of them.", body = [Listed])),
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    given: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Vec<Listed>>, Problem> {
    let given = given.map(|Query(given)| given).unwrap_or_default();
    let wanted = query::parse(&given).map_err(Problem::parameters)?;
    api.caught_up(api.catch_up.all()).await?;
    let subscriptions = match &wanted.ids {
        Some(ids) => api.table.list_of(&caller.owner, ids),
        None => api.table.list(&caller.owner),
    };
    let last = match wanted.last_delivery {
        true => api.last_deliveries(&caller, &subscriptions).await?,
        false => Vec::new(),
    };
    let mut last = last.into_iter();
    let now_ms = now_ms();
    let seen = if wanted.without_http_request { brief_view } else { view };
    let listed = subscriptions
        .iter()
        .map(|subscription| Listed { subscription: seen(subscription, now_ms), last_delivery: last.next() });
    Ok(Json(listed.collect()))
}
