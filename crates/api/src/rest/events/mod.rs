//! `GET /events/{eventId}`: the whole story of the events with one id, as far as the caller may know it; `GET /events` finds them.

mod near_misses;
mod rejections;
mod search;
mod story;
mod view;

use std::sync::Arc;

use aerogram_domain::escalations::Reader;
use aerogram_domain::time::iso_millis;
use aerogram_projection::{DeliveryQuery, EventQuery};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Keeper;
use super::problem::Problem;
use crate::records::EVENT_ID_MAX_BYTES;
use crate::submit::now_ms;
use crate::table::Owner;
use story::Told;
use view::Story;

/// Deliveries shown, and looked at to find the events of other pairs' deliveries.
const DELIVERIES_MAX: usize = 100;
/// Deliveries counted, at most.
const COUNTED_MAX: u64 = 100_000;
/// Events of one id, at most: each is read back.
const EVENTS_MAX: usize = 20;

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(search::search)).routes(routes!(tell))
}

/// Tells the story of an event.
///
/// The whole story of the events with one id: accepted or rejected and why, which subscriptions matched, which nearly did and why
/// not, how each delivery stands.
#[utoipa::path(
    get,
    path = "/events/{eventId}",
    operation_id = "tellEvent",
    tag = "Deliveries",
    params(("eventId" = String, Path, description = "The publisher's.")),
    responses((status = 200, description = "What is known, as far as the caller may know it.", body = Story)),
)]
async fn tell(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(event_id): Path<String>,
) -> Result<Response, Problem> {
    let nothing = || {
        let back = iso_millis(api.history.since_ms(now_ms()));
        let detail = format!("nothing is known of an event with this id; history reaches back to {back}");
        Problem::new(StatusCode::NOT_FOUND, detail)
    };
    if event_id.len() > EVENT_ID_MAX_BYTES {
        return Err(nothing());
    }
    let (rows, names, subscriptions) = tokio::join!(
        api.caught_up(api.history.rows.all()),
        api.caught_up(api.history.names.all()),
        api.caught_up(api.catch_up.all()),
    );
    rows.and(names).and(subscriptions)?;
    // Afterwards: what was read may have told that it reaches less far.
    let since_ms = api.history.since_ms(now_ms());

    let projection = &api.history.projection;
    let scope = keeper.owner.as_ref().map(Owner::scope);
    let own = DeliveryQuery {
        partner: scope.as_ref().map(|scope| scope.partner.clone()),
        operator: scope.as_ref().map(|scope| scope.operator.clone()),
        event_id: Some(event_id.clone()),
        ascending: true,
        limit: DELIVERIES_MAX,
        not_before_ms: since_ms,
        ..DeliveryQuery::default()
    };
    let all = EventQuery {
        event_id: event_id.clone(),
        operator: scope.map(|scope| scope.operator),
        not_before_ms: since_ms,
        limit: DELIVERIES_MAX,
    };
    let page = api.projected(projection.deliveries(own.clone())).await?;
    let more = page.next.is_some();
    let total = match more {
        true => api.projected(projection.count_deliveries(own, COUNTED_MAX)).await?,
        false => count(page.rows.len()),
    };
    let known = api.projected(projection.events_by_id(all)).await?;
    let found = story::Found { own: page.rows, more, known };
    let rejections = match keeper.reader {
        Reader::Administrator => api.rejections(&found.known.rejected).await,
        Reader::Subscriber => Vec::new(),
    };
    let Told { events, left_out } = api.events(&keeper, &event_id, found).await?;
    if events.is_empty() && rejections.is_empty() {
        return Err(nothing());
    }
    let shown = count(events.iter().map(|event| event.deliveries.len()).sum());
    Ok(Json(Story {
        event_id,
        history_since_date_time: iso_millis(since_ms),
        events,
        events_left_out: left_out,
        deliveries_left_out: total.saturating_sub(shown),
        rejections,
    })
    .into_response())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
