//! `POST /subscriptions/{subscriptionId}/replays`

use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_domain::repair::{Look, is_wanted, no_receiver};
use aerogram_wire::Message as _;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Replay, Subscription};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::time::{sleep, timeout_at};
use utoipa::ToSchema;

use super::fields::Fields;
use super::view::TaskView;
use super::{Api, Keeper, Problem};
use crate::repair::{Bounds, NotNow, NotReplayed, Replaying};
use crate::rest::create::not_entitled;
use crate::rest::idempotency::{self, IdempotencyKey};
use crate::rest::openapi;
use crate::submit::now_ms;
use crate::tasks::{Begun, appended_until_ms, begin};

/// Events that match and are looked up in history by a dry run, at most.
const LOOKED_UP_MAX: usize = 10_000;
/// Events of a stretch that match, at most.
const FOUND_MAX: usize = 500;
/// Events of a stretch that are looked at, at most. Between two stretches others read.
const SEEN_MAX: usize = 20_000;
/// A stretch that stands still is given up so long after the deadline.
const GRACE: Duration = Duration::from_millis(500);
/// Wait before it is asked again how far fanout is.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// After this a dry run may be tried again that found another one, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// What would be sent.
#[derive(Serialize, ToSchema, Default)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReplayDryRun)]
struct DryRun {
    dry_run: bool,
    /// Events that were looked at.
    events: usize,
    /// Of these, so many are for the subscription as it is now.
    matching: usize,
    /// Left out, because they repeat an earlier event.
    repetitions: usize,
    /// Left out, because they were delivered or are under way.
    already_delivered: usize,
    would_be_sent: usize,
    /// Whether all of the time was looked at; otherwise, such as while fanout is behind, there are at least so many.
    complete: bool,
}

/// Replays a time to a subscription.
///
/// Has the events that were accepted in a time sent to a subscription, or tells how many there are.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/replays",
    operation_id = "replayEvents",
    tag = "Repair",
    params(
        ("subscriptionId" = String, Path, format = Uuid),
        IdempotencyKey,
    ),
    request_body(content = openapi::Replay, examples(
        ("dryRun" = (summary = "How much would it be?", value = json!({
            "since": "2026-11-21T10:30:00Z", "until": "2026-11-21T11:30:00Z", "dryRun": true,
        }))),
        ("send" = (summary = "Also what was delivered", value = json!({"since": "2026-11-21T10:30:00Z", "all": true}))),
    )),
    responses(
        (status = 200, description = "What would be sent, of a dry run.", body = DryRun),
        (
            status = 202,
            description = "A task sends it, as fast as the receiver may be asked.",
            body = TaskView,
            headers(("Location" = String, description = "Where the task is.")),
        ),
        (
            status = 409,
            description = "The subscription takes nothing, history does not reach back so far, or too many tasks are under way.",
        ),
    ),
)]
pub async fn replay(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let fields = Fields::read(&api, &headers, body).await?;
    let now_ms = now_ms();
    let (wish, dry_run) = wish(fields, &id, now_ms)?;
    let subscription = api.subscription_for(&keeper, &id).await?;
    if !keeper.may_have(&subscription.event_type) {
        return Err(not_entitled(&subscription.event_type));
    }
    if let Some(none) = no_receiver(Some(&subscription), now_ms) {
        return Err(none.into());
    }
    let given = if wish.until_ms == 0 { now_ms } else { wish.until_ms };
    let replay = Replay { until_ms: given.min(now_ms), ..wish.clone() };
    if let Some(why) = api.forgotten(&replay, now_ms) {
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    if dry_run {
        keeper.trail.nothing_changed();
        let _only_one = api.repair.events.dry_run().ok_or_else(another_dry_run)?;
        return Ok(Json(api.would_replay(&subscription, &replay).await?).into_response());
    }
    let wish = wish.encode_to_vec();
    api.begin(&keeper, key, &[b"replay", &wish], now_ms, Work::Replay(replay)).await
}

fn another_dry_run() -> Problem {
    let detail = format!(
        "another dry run of a replay is under way here, and only one is; try again in {RETRY_AFTER_S} s"
    );
    Problem::too_many(detail, RETRY_AFTER_S)
}

/// What is wanted as it was said, so that a repetition is the same.
fn wish(mut fields: Fields, subscription_id: &str, now_ms: i64) -> Result<(Replay, bool), Problem> {
    let (since, until) = (fields.time("since"), fields.time("until"));
    match since {
        None => {
            fields.wrong::<()>(
                "since",
                "is required: when the events were accepted, such as 2026-11-21T10:30:00Z",
            );
        }
        Some(since) if since >= now_ms => {
            fields.wrong::<()>("since", "must be in the past");
        }
        Some(since) if until.is_some_and(|until| until <= since) => {
            fields.wrong::<()>("until", "must be after since");
        }
        Some(_) => {}
    }
    let replay = Replay {
        subscription_id: subscription_id.to_owned(),
        from_ms: since.unwrap_or_default(),
        until_ms: until.unwrap_or_default(),
        all: fields.flag("all"),
    };
    let dry_run = fields.flag("dryRun");
    fields.done()?;
    Ok((replay, dry_run))
}

impl Api {
    /// Reads as the replay would, and writes nothing. What fanout has not dealt with is waited for as long as there is time.
    async fn would_replay(&self, subscription: &Subscription, replay: &Replay) -> Result<DryRun, Problem> {
        let mut fanout = self.repair.fanout_done().await?;
        self.history_is_up_to_date().await?;
        self.names_are_up_to_date().await?;
        let deadline = Instant::now() + self.patience() / 2;
        let Begun { mut next_offsets, reaches } = begin(self, replay, &fanout).await.map_err(NotNow::from)?;
        let mut counted = DryRun { dry_run: true, ..DryRun::default() };
        loop {
            let mut waits = false;
            for ((partition, next), (reach, fanout)) in
                (0..).zip(&mut next_offsets).zip(reaches.iter().zip(&fanout))
            {
                let replaying = Replaying { replay, subscription, reach: *reach };
                while let Look::Before(end) = reach.look(*next, *fanout) {
                    if !self.count(&mut counted, replaying, partition, (next, end), deadline).await? {
                        return Ok(counted);
                    }
                }
                waits |= reach.look(*next, *fanout) == Look::Wait;
            }
            if !waits {
                return Ok(DryRun { complete: true, ..counted });
            }
            if Instant::now() + LOOK_AGAIN >= deadline {
                return Ok(counted);
            }
            sleep(LOOK_AGAIN).await;
            fanout = self.repair.fanout_done().await?;
            self.history_is_up_to_date().await?;
            self.names_are_up_to_date().await?;
        }
    }

    /// Counts a stretch of a partition, from `next` on to `end` at most. False: there is no time for it, or it is too much.
    async fn count(
        &self,
        counted: &mut DryRun,
        replaying: Replaying<'_>,
        partition: i32,
        (next, end): (&mut i64, i64),
        deadline: Instant,
    ) -> Result<bool, Problem> {
        if counted.matching >= LOOKED_UP_MAX || Instant::now() >= deadline {
            return Ok(false);
        }
        let Replaying { replay, subscription, .. } = replaying;
        let bounds = Bounds {
            end,
            until_ms: appended_until_ms(replay),
            found_max: FOUND_MAX,
            seen_max: SEEN_MAX,
            deadline,
        };
        let now_ms = now_ms();
        let wanted = |found: &_| is_wanted(subscription, found, replay.from_ms, replay.until_ms, now_ms);
        let scanning = self.repair.events.scan(partition, *next, bounds, wanted);
        let Ok(scanned) = timeout_at((deadline + GRACE).into(), scanning).await else { return Ok(false) };
        let scanned = scanned.map_err(NotNow::from)?;
        counted.events += scanned.seen;
        for found in &scanned.found {
            let Some(id) = found.delivery_id(&subscription.id) else { continue };
            counted.matching += 1;
            match self.why_not_replayed(replaying, found, id).await? {
                None => counted.would_be_sent += 1,
                Some(NotReplayed::Repeats) => counted.repetitions += 1,
                Some(NotReplayed::Delivered) => counted.already_delivered += 1,
            }
        }
        *next = if scanned.is_past { i64::MAX } else { scanned.next };
        Ok(true)
    }
}
