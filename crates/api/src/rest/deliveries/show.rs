//! `GET /deliveries/{deliveryId}`

use std::sync::Arc;

use aerogram_domain::body::webhook_id;
use aerogram_projection::DeliveryRow;
use aerogram_wire::v1::{Envelope, Event, Subscription};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};

use super::request::{RequestView, Sent};
use super::view::{BodyKind, Detail, Summary, attempts};
use super::{Api, Keeper, Problem, owner_of};
use crate::history::{NotRead, is_as_sent, render};
use crate::rest::escalations::EventView;

const GONE: &str = "the log does not hold the event any more (topics.retention_ms)";
const NOT_NOW: &str = "the event could not be read back at this moment; ask again";
const OF_A_TEST: &str = "what a test sent is not kept";
const NOT_ENTITLED: &str = "these credentials are not entitled to events of this type";
const NO_SUBSCRIPTION: &str =
    "its subscription is deleted, and what it wanted to be sent went with it; data has what the event said";
const NOT_RENDERED: &str =
    "what the subscription wants to be sent cannot be made of this event, so nothing can be sent";

/// Shows a delivery.
///
/// The whole history, with what was sent. What the event says only for those who are entitled to its type.
#[utoipa::path(
    get,
    path = "/deliveries/{deliveryId}",
    operation_id = "showDelivery",
    tag = "Deliveries",
    params(("deliveryId" = String, Path, description = "As lists and receivers have it: `msg_…`.")),
    responses((status = 200, description = "As it is now.", body = Detail)),
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = api.delivery(&keeper, &id).await?;
    let partition = api.cluster.subscription_partition(&row.about.subscription_id);
    api.caught_up(api.catch_up.partition(partition)).await?;
    let subscription = api.table.get(&owner_of(&row), &row.about.subscription_id);
    let event = api.event_of(&row).await;
    let entitled = keeper.may_have(&row.about.event_type);
    let (body, body_is, body_missing) = match body(&row, &event, subscription.as_deref(), entitled) {
        Ok((body, body_is)) => (Some(body), Some(body_is), None),
        Err(why) => (None, None, Some(why)),
    };
    let shown = event.ok().map(|mut event| {
        if !entitled {
            event.data.clear();
        }
        EventView::of(event)
    });
    let next = api.next(std::slice::from_ref(&row)).await.pop();
    let request = subscription.as_deref().map(|subscription| {
        let sent = Sent {
            webhook_id: &webhook_id(&row.key.delivery_id),
            began_at_ms: row.attempts.last().map(|last| last.started_at_ms),
            user_agent: &api.user_agent,
        };
        RequestView::of(subscription, sent)
    });
    Ok(Json(Detail {
        summary: Summary::of(&row, keeper.reader),
        attempts: attempts(&row, keeper.reader),
        next,
        callback_url: subscription.map(|subscription| subscription.callback_url.clone()),
        event: shown,
        request,
        body,
        body_is,
        body_missing,
    })
    .into_response())
}

fn body(
    row: &DeliveryRow,
    event: &Result<Event, &'static str>,
    subscription: Option<&Subscription>,
    entitled: bool,
) -> Result<(String, BodyKind), &'static str> {
    if !entitled {
        return Err(NOT_ENTITLED);
    }
    let event = event.as_ref().map_err(|why| *why)?;
    let subscription = subscription.ok_or(NO_SUBSCRIPTION)?;
    let body = render(event, subscription).map_err(|error| {
        tracing::debug!(subscription = subscription.id, "a body is not rendered: {error}");
        NOT_RENDERED
    })?;
    let body_is = match is_as_sent(subscription, row.attempts.last()) {
        true => BodyKind::AsSent,
        false => BodyKind::ByTodaysTemplate,
    };
    Ok((body, body_is))
}

impl Api {
    /// The event of a delivery, as it was accepted, or why there is none.
    async fn event_of(&self, row: &DeliveryRow) -> Result<Event, &'static str> {
        if row.about.once {
            return Err(OF_A_TEST);
        }
        match self.history.events.read(row.about.event_position).await {
            // At its place there may be another one, of a log that was made anew.
            Ok(Envelope { event: Some(event), .. }) if event.id == row.about.event_id => Ok(event),
            Ok(_) | Err(NotRead::Gone) => Err(GONE),
            Err(error) => {
                tracing::warn!("an event is not read back: {error}");
                Err(NOT_NOW)
            }
        }
    }
}
