//! `POST /deliveries/{deliveryId}/redeliveries`

use std::sync::Arc;

use aerogram_domain::body::webhook_id;
use aerogram_domain::escalations::{redelivery_run, run_name};
use aerogram_domain::history::Status;
use aerogram_domain::repair::{awaits_escalation, first_record, no_receiver, run_by_key};
use aerogram_projection::DeliveryRow;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::PendingKind;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Api, BASE, Keeper, Problem, event_is_gone, scope_of};
use crate::escalations::NotWritten;
use crate::repair::NotNow;
use crate::rest::create::not_entitled;
use crate::rest::deliveries::owner_of;
use crate::rest::escalations::why;
use crate::rest::idempotency::{self, IdempotencyKey};
use crate::rest::openapi::Redelivery;
use crate::submit::now_ms;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Redelivered {
    /// Of the new run.
    id: String,
    webhook_id: String,
    redelivery_of: String,
}

/// Sends a delivery again.
///
/// Sends it again as another run with the whole schedule. With an `Idempotency-Key` it is the same run however often it is asked
/// for; and what was given up is redelivered as an escalation, once.
#[utoipa::path(
    post,
    path = "/deliveries/{deliveryId}/redeliveries",
    operation_id = "redeliverDelivery",
    tag = "Repair",
    params(
        ("deliveryId" = String, Path, description = "As lists and receivers have it: `msg_…`."),
        IdempotencyKey,
    ),
    request_body(content = Option<Redelivery>, examples(
        ("why" = (summary = "With a reason", value = json!({"why": "the partner asked for it"}))),
    )),
    responses(
        (
            status = 202,
            description = "It is sent again, as another run of the delivery.",
            body = Redelivered,
            headers(("Location" = String, description = "Where the new run is.")),
        ),
        (status = 409, description = "It is under way, it was a test event, or its subscription takes nothing."),
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
    let key = idempotency::key(&headers)?.map(str::to_owned);
    let why = why(&api, &headers, body).await?.unwrap_or_default();
    // A task of its own: it goes on when the caller hangs up.
    let redelivering = tokio::spawn(async move {
        let row = api.delivery(&keeper, &id).await?;
        let run = api.redeliver_one(&keeper, &row, key.as_deref(), &why).await?;
        Ok::<_, Problem>((row.key, RunKey { run, ..row.key }))
    });
    let (old, new) = redelivering.await.map_err(|_| NotWritten::Late)??;
    let redelivered = Redelivered {
        id: run_name(new),
        webhook_id: webhook_id(&new.delivery_id),
        redelivery_of: run_name(old),
    };
    let mut response = (StatusCode::ACCEPTED, Json(&redelivered)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("{BASE}/deliveries/{}", redelivered.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

impl Api {
    async fn redeliver_one(
        &self,
        keeper: &Keeper,
        row: &DeliveryRow,
        key: Option<&str>,
        why: &str,
    ) -> Result<u64, Problem> {
        let conflict = |detail: &str| Err(Problem::new(StatusCode::CONFLICT, detail));
        // It is the event that goes out, so as with a subscription to its type.
        if !keeper.may_have(&row.about.event_type) {
            return Err(not_entitled(&row.about.event_type));
        }
        if row.about.once {
            return conflict("it was a test event; send another one");
        }
        if !row.status.is_final() {
            return conflict("it is still under way, so it is sent anyway");
        }
        if row.status == Status::Escalated {
            self.escalations_are_up_to_date().await?;
            let escalation = self.projected(self.escalations.projection.escalation(row.key)).await?;
            if let Some(escalation) = escalation {
                let escalation = self.redeliver_escalation(keeper, escalation, why).await?;
                return Ok(escalation.resolution.map_or(0, |resolution| resolution.run));
            }
            if awaits_escalation(row.status, row.changed_at_ms, now_ms()) {
                return Err(Problem::unavailable(
                    "it was given up just now and is not listed among the escalations yet; ask again",
                ));
            }
            // It is not listed any more, perhaps because it was redelivered.
            let run = redelivery_run(row.key);
            if self.projected(self.is_known(RunKey { run, ..row.key })).await? {
                return Ok(run);
            }
        }
        let partition = self.cluster.subscription_partition(&row.about.subscription_id);
        self.caught_up(self.catch_up.partition(partition)).await?;
        let subscription = self.table.get(&owner_of(row), &row.about.subscription_id);
        if let Some(none) = no_receiver(subscription.as_deref(), now_ms()) {
            return Err(none.into());
        }
        let Some(subscription) = subscription else { return Err(Problem::no_such_subscription()) };
        let run = match key {
            Some(key) => run_by_key(scope_of(keeper).as_ref(), key, row.key),
            None => Uuid::new_v4().as_u64_pair().0.max(1),
        };
        let new = RunKey { run, ..row.key };
        // Written already, perhaps so long ago that who would send it again does not remember.
        if key.is_some() && self.projected(self.is_known(new)).await? {
            return Ok(run);
        }
        let events = self.repair.events.at([row.about.event_position]).await.map_err(NotNow::from)?;
        let delivery = self.delivery_again(&events, row.about.event_position, row.key, &subscription);
        let delivery = delivery.ok_or_else(event_is_gone)?;
        let entry = first_record(new, &delivery, now_ms(), PendingKind::Retry);
        self.repair.writing.send(&[entry]).await.map_err(NotNow::from)?;
        Ok(run)
    }
}
