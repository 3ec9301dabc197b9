//! `POST /redeliveries`

use std::sync::Arc;

use aerogram_domain::history::Status;
use aerogram_projection::DeliveryQuery;
use aerogram_wire::Message as _;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Redeliver, Task};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::Fields;
use super::view::TaskView;
use super::{Api, Keeper, Problem, scope_of};
use crate::rest::deliveries::Summary;
use crate::rest::idempotency::{self, IdempotencyKey};
use crate::rest::openapi::Redeliveries;
use crate::submit::now_ms;
use crate::tasks::query;

/// Counted, at most.
const COUNTED_MAX: u64 = 10_000;
/// Shown of them.
const SHOWN: usize = 10;

/// What would be sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RedeliveriesDryRun)]
struct DryRun {
    dry_run: bool,
    matching: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    matching_is_at_least: bool,
    /// The oldest.
    first: Vec<Summary>,
}

/// Sends many deliveries again.
///
/// Has all that match sent again, or tells how many there are.
#[utoipa::path(
    post,
    path = "/redeliveries",
    operation_id = "redeliverMany",
    tag = "Repair",
    params(IdempotencyKey),
    request_body(content = Option<Redeliveries>, examples(
        ("dryRun" = (summary = "How many orders were given up?", value = json!({
            "eventType": "OrderCreated", "status": ["ESCALATED"], "since": "2026-11-01T00:00:00Z", "dryRun": true,
        }))),
        ("send" = (summary = "All that was given up", value = json!({"status": ["ESCALATED"]}))),
    )),
    responses(
        (status = 200, description = "What would be sent, of a dry run.", body = DryRun),
        (
            status = 202,
            description = "A task sends them, as fast as their receivers may be asked.",
            body = TaskView,
            headers(("Location" = String, description = "Where the task is.")),
        ),
        (status = 409, description = "Too many tasks are under way."),
    ),
)]
pub async fn redeliver(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let fields = Fields::read(&api, &headers, body).await?;
    let (wish, dry_run) = wish(fields)?;
    let now_ms = now_ms();
    let given = if wish.issued_until_ms == 0 { now_ms } else { wish.issued_until_ms };
    let redeliver = Redeliver { issued_until_ms: given.min(now_ms), ..wish.clone() };
    if dry_run {
        keeper.trail.nothing_changed();
        return Ok(Json(api.would_redeliver(&keeper, &redeliver, now_ms).await?).into_response());
    }
    let wish = wish.encode_to_vec();
    api.begin(&keeper, key, &[b"redeliver", &wish], now_ms, Work::Redeliver(redeliver)).await
}

/// What is wanted as it was said, so that a repetition is the same.
fn wish(mut fields: Fields) -> Result<(Redeliver, bool), Problem> {
    let mut statuses = fields.ended("status");
    if statuses.is_empty() {
        statuses.push(Status::Escalated);
    }
    let redeliver = Redeliver {
        statuses: statuses.into_iter().map(|status| status.name().to_owned()).collect(),
        subscription_id: fields.text("subscriptionId").unwrap_or_default(),
        event_type: fields.text("eventType").unwrap_or_default(),
        subject: fields.text("subject").unwrap_or_default(),
        issued_from_ms: fields.time("since").unwrap_or_default(),
        issued_until_ms: fields.time("until").unwrap_or_default(),
    };
    if redeliver.issued_until_ms != 0 && redeliver.issued_until_ms <= redeliver.issued_from_ms {
        fields.wrong::<()>("until", "must be after since");
    }
    let dry_run = fields.flag("dryRun");
    fields.done()?;
    Ok((redeliver, dry_run))
}

impl Api {
    async fn would_redeliver(
        &self,
        keeper: &Keeper,
        redeliver: &Redeliver,
        now_ms: i64,
    ) -> Result<DryRun, Problem> {
        self.history_is_up_to_date().await?;
        let task = Task { scope: scope_of(keeper), created_at_ms: now_ms, ..Task::default() };
        let query = query(&task, redeliver, now_ms, self.history.since_ms(now_ms));
        let projection = &self.history.projection;
        let counting = projection.count_deliveries(query.clone(), COUNTED_MAX + 1);
        let counted = self.projected(counting).await?;
        let page = projection.deliveries(DeliveryQuery { limit: SHOWN, ..query });
        let page = self.projected(page).await?;
        Ok(DryRun {
            dry_run: true,
            matching: counted.min(COUNTED_MAX),
            matching_is_at_least: counted > COUNTED_MAX,
            first: page.rows.iter().map(|row| Summary::of(row, keeper.reader)).collect(),
        })
    }
}
