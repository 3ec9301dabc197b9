//! `POST /subscriptions/{subscriptionId}/test-events`

use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_domain::body::webhook_id;
use aerogram_domain::escalations::run_name;
use aerogram_domain::history::Status;
use aerogram_domain::repair::{no_receiver, task_by_key, test_delivery, test_event};
use aerogram_projection::DeliveryRow;
use aerogram_wire::key::RunKey;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Fields;
use super::{Api, Keeper, Problem, scope_of};
use crate::history::render;
use crate::repair::{NotNow, WAITING_MAX, WAITING_OF_ONE_MAX};
use crate::rest::create::not_entitled;
use crate::rest::deliveries::{RequestView, Sent};
use crate::rest::escalations::AttemptView;
use crate::rest::idempotency::{self, IdempotencyKey};
use crate::rest::openapi::TestEvent;
use crate::submit::now_ms;

/// How often it is looked whether the receiver has answered. Each look takes one of the projection's readers.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// After this one that found too many may be tried again, in seconds.
const RETRY_AFTER_S: u64 = 5;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TestResult)]
struct Tested {
    /// Of the delivery.
    id: String,
    webhook_id: String,
    event_id: String,
    event_type: String,
    #[schema(value_type = Status)]
    status: &'static str,
    /// What is sent.
    request: RequestView,
    /// The text of the request; `null`: it was sent before, by the same `Idempotency-Key`, and what a test sent is not kept; or it
    /// cannot be made, which the attempt tells.
    #[schema(required)]
    body: Option<String>,
    /// `null`: none was made, or none has ended yet.
    #[schema(required)]
    attempt: Option<AttemptView>,
}

/// Sends a test event.
///
/// Sends an example of an event type once, and answers what the receiver said.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/test-events",
    operation_id = "sendTestEvent",
    tag = "Repair",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IdempotencyKey,
    ),
    request_body(content = Option<TestEvent>, examples(
        ("own" = (summary = "Of the subscription's type", value = json!({}))),
        ("other" = (summary = "Of another type", value = json!({"eventType": "FLIGHT_CREATE"}))),
    )),
    responses(
        (status = 200, description = "It is over: what the receiver answered, or why nothing was sent.", body = Tested),
        (status = 202, description = "It is sent, and the receiver has not answered yet.", body = Tested),
        (status = 409, description = "The subscription takes nothing."),
    ),
)]
pub async fn send(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let given = fields.text("eventType");
    let subscription = api.subscription_for(&keeper, &id).await?;
    let name = given.unwrap_or_else(|| subscription.event_type.clone());
    let event_type = api.catalogue.lookup(&name);
    if event_type.is_none() {
        fields.wrong::<()>("eventType", "is no event type of the catalogue");
    }
    fields.done()?;
    let Some(event_type) = event_type else { return Err(Problem::no_such_subscription()) };
    if !keeper.may_have(&name) {
        return Err(not_entitled(&name));
    }
    if let Some(none) = no_receiver(Some(&subscription), now_ms()) {
        return Err(none.into());
    }
    // Before anything is written: who is refused has not been tested.
    let _waits = api.repair.waiting.one_more(&id).ok_or_else(|| {
        let detail = format!(
            "too many test events wait for their answers: at most {WAITING_OF_ONE_MAX} of a subscription and {WAITING_MAX} in all \
             do at once; nothing was sent, try again in {RETRY_AFTER_S} s"
        );
        Problem::too_many(detail, RETRY_AFTER_S)
    })?;
    let delivery_id = match key {
        Some(key) => task_by_key(scope_of(&keeper).as_ref(), key, &[b"test", id.as_bytes(), name.as_bytes()]),
        None => Uuid::new_v4().into_bytes(),
    };
    let run = RunKey { delivery_id, run: 0 };
    let event =
        test_event(event_type, &subscription, webhook_id(&delivery_id).trim_start_matches("msg_"), now_ms());
    let event_id = event.id.clone();
    let until = Instant::now() + api.patience();
    let is_repeated = match key {
        None => false,
        Some(_) => {
            api.history_is_up_to_date().await?;
            api.projected(api.is_known(run)).await?
        }
    };
    let body = match is_repeated {
        true => None,
        false => render(&event, &subscription).ok(),
    };
    if !is_repeated {
        let offset = api.read_of(&subscription);
        let entry = test_delivery(delivery_id, event, &subscription, offset, now_ms());
        api.repair.writing.send(&[entry]).await.map_err(NotNow::from)?;
    }
    let ended = api.ended(run, until).await?;
    let last = ended.as_ref().and_then(|row| row.attempts.last());
    let webhook_id = webhook_id(&delivery_id);
    let sent = Sent {
        webhook_id: &webhook_id,
        began_at_ms: last.map(|attempt| attempt.started_at_ms),
        user_agent: &api.user_agent,
    };
    let tested = Tested {
        id: run_name(run),
        request: RequestView::of(&subscription, sent),
        body,
        webhook_id,
        event_id,
        event_type: name,
        status: ended.as_ref().map_or(Status::Pending, |row| row.status).name(),
        attempt: last.map(|attempt| AttemptView::of(attempt, keeper.reader)),
    };
    let status = if ended.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(tested)).into_response())
}

impl Api {
    /// How a run ended; `None`: it had not by then.
    async fn ended(&self, run: RunKey, until: Instant) -> Result<Option<DeliveryRow>, Problem> {
        loop {
            let row = self.projected(self.history.projection.delivery(run, i64::MIN)).await?;
            if let Some(row) = row.filter(|row| row.status.is_final()) {
                return Ok(Some(row));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
