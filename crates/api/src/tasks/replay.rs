//! A stretch of a replay.

use std::time::{Duration, Instant};

use aerogram_domain::repair::{TaskId, is_wanted, no_receiver, room};
use aerogram_wire::v1::{Replay, Scope, Subscription, Task, TaskProgress};

use super::carry_out::Step;
use super::redeliver::waiting;
use crate::history::NotRead;
use crate::repair::{Bounds, EventReader, NotNow, Replaying};
use crate::rest::Api;
use crate::submit::now_ms;
use crate::table::Owner;

/// Events of a stretch that are sent, at most.
const FOUND_MAX: usize = 200;
/// Events of a stretch that are looked at, at most.
const SEEN_MAX: usize = 20_000;
/// Time of a stretch.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Where a partition is said to be done.
const OVER: i64 = i64::MAX;
/// An event is appended within this time of its acceptance, and at most so long before it by another clock, in milliseconds.
const APPENDED_WITHIN_MS: i64 = 600_000;
const CLOCKS_DIFFER_MAX_MS: i64 = 60_000;

/// The next stretch.
pub(super) async fn step(
    api: &Api,
    id: &TaskId,
    task: &Task,
    replay: &Replay,
    at_most: usize,
) -> Result<Step, NotNow> {
    // What the pair is entitled to today.
    let scope = task.scope.as_ref();
    let subscriber = scope.map(|scope| api.credentials.now().pair(&scope.partner, &scope.operator));
    let subscriber = match subscriber.transpose() {
        Ok(subscriber) => subscriber,
        Err(missing) => return Ok(Step::Failed(format!("its pair may not call any more: {missing}"))),
    };
    api.history_is_up_to_date().await?;
    // Repetitions are among them.
    api.names_are_up_to_date().await?;
    api.escalations_are_up_to_date().await?;
    api.subscriptions_are_up_to_date().await?;
    let subscription = subscription_of(api, scope, &replay.subscription_id);
    if let Some(none) = no_receiver(subscription.as_deref(), now_ms()) {
        return Ok(Step::Failed(none.to_string()));
    }
    let Some(subscription) = subscription else { return Ok(Step::NoRoom) };
    let event_type = &subscription.event_type;
    if subscriber.is_some_and(|subscriber| !subscriber.may_subscribe(event_type)) {
        return Ok(Step::Failed(format!("its pair is not entitled to {event_type} any more")));
    }
    let found_max = room(waiting(api, task).await?, api.settings.task_waiting_max, FOUND_MAX.min(at_most));
    if found_max == 0 {
        return Ok(Step::NoRoom);
    }
    let before = task.progress.clone().unwrap_or_default();
    // As when it was asked for: what has been looked at may be forgotten since.
    if let Some(why) = api.forgotten(replay, task.created_at_ms).filter(|_| task.progress.is_none()) {
        return Ok(Step::Failed(why));
    }
    let mut next_offsets = match before.next_offsets.len() {
        0 => begin(&api.repair.events, replay).await?,
        _ => before.next_offsets.clone(),
    };
    let Some((partition, next)) = (0..).zip(&mut next_offsets).find(|(_, next)| **next != OVER) else {
        return Ok(Step::Done(before));
    };
    let bounds = Bounds {
        end: OVER,
        until_ms: appended_until_ms(replay),
        found_max,
        seen_max: SEEN_MAX,
        deadline: Instant::now() + TIME_MAX,
    };
    let now_ms = now_ms();
    let wanted = |found: &_| is_wanted(&subscription, found, replay.from_ms, replay.until_ms, now_ms);
    let scanned = api.repair.events.scan(partition, *next, bounds, wanted).await?;
    let replaying = Replaying { replay, subscription: &subscription };
    // Of these nobody knows any more whether they were delivered.
    let from_ms = scanned.found.iter().map(|found| found.envelope.accepted_at_ms).min();
    let rest = Replay { from_ms: from_ms.unwrap_or(i64::MAX), ..replay.clone() };
    if let Some(why) = api.forgotten(&rest, now_ms) {
        return Ok(Step::Failed(why));
    }
    let seen = scanned.found.len() as u64;
    let Some(sent) = api.replay(id, task, replaying, scanned.found).await? else {
        return Ok(Step::NoRoom);
    };
    *next = if scanned.over { OVER } else { scanned.next };
    Ok(Step::On(TaskProgress {
        seen: before.seen + seen,
        sent: before.sent + sent.sent,
        left_out: before.left_out + sent.left_out,
        cursor: String::new(),
        next_offsets,
    }))
}

/// Where its time begins in each partition.
pub async fn begin(events: &EventReader, replay: &Replay) -> Result<Vec<i64>, NotRead> {
    let mut offsets = Vec::new();
    for partition in 0..events.partitions() {
        offsets.push(events.range(partition, replay.from_ms.saturating_sub(CLOCKS_DIFFER_MAX_MS)).await?.0);
    }
    Ok(offsets)
}

/// What was accepted in its time is appended before.
pub const fn appended_until_ms(replay: &Replay) -> i64 {
    replay.until_ms.saturating_add(APPENDED_WITHIN_MS)
}

/// The subscription as it is now, if it is within the scope; `None`: an administrator's is everybody's.
pub fn subscription_of(api: &Api, scope: Option<&Scope>, id: &str) -> Option<std::sync::Arc<Subscription>> {
    match scope {
        Some(scope) => api.table.get(&Owner::new(&scope.partner, &scope.operator), id),
        None => api.table.find(id),
    }
}
