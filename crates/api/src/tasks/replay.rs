//! A stretch of a replay.

use std::time::{Duration, Instant};

use aerogram_domain::credentials::Subscriber;
use aerogram_domain::repair::{
    Look, Reach, TaskId, Waits, decode_reaches, encode_reaches, is_over, is_wanted, no_receiver, room,
};
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Replay, Scope, Subscription, Task, TaskProgress};
use tokio::time::timeout;

use super::asking::Asking;
use super::carry_out::Step;
use super::redeliver::waiting;
use crate::history::NotRead;
use crate::repair::{Bounds, NotNow, Replaying};
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
    (id, task): (&TaskId, &Task),
    replay: &Replay,
    subscriber: Option<&Subscriber>,
    asking: &Asking,
    at_most: usize,
) -> Result<Step, NotNow> {
    // First: what it has dealt with is in the history then.
    let Some(fanout) = asking.done_for(id) else { return Ok(Step::NoRoom) };
    api.history_is_up_to_date().await?;
    // Repetitions are among them.
    api.names_are_up_to_date().await?;
    api.escalations_are_up_to_date().await?;
    api.subscriptions_are_up_to_date().await?;
    let subscription = subscription_of(api, task.scope.as_ref(), &replay.subscription_id);
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
    let Some(reaches) = decode_reaches(&before.cursor) else {
        let begun = begin(api, replay, &fanout).await?;
        // One that was begun by an earlier version goes on where it is.
        let next_offsets =
            if before.next_offsets.is_empty() { begun.next_offsets } else { before.next_offsets };
        let cursor = encode_reaches(&begun.reaches);
        return Ok(Step::Begun(TaskProgress { cursor, next_offsets, ..before }));
    };
    let mut next_offsets = before.next_offsets.clone();
    let looks = (0..).zip(&next_offsets).zip(reaches.iter().zip(&fanout));
    let looks = looks.map(|((at, next), (reach, fanout))| (at, *reach, reach.look(*next, *fanout)));
    let left: Vec<(i32, Reach, Look)> = looks.filter(|(_, _, look)| *look != Look::Over).collect();
    if left.is_empty() {
        return Ok(Step::Done(before));
    }
    // Any of them: none is kept from going on by another that waits for fanout.
    let next_of = |(partition, reach, look): (i32, Reach, Look)| match look {
        Look::Before(end) => Some((partition, reach, end)),
        Look::Wait | Look::Over => None,
    };
    let Some((partition, reach, end)) = left.into_iter().find_map(next_of) else {
        return Ok(Waits::of(&reaches, &next_offsets, &fanout).map_or(Step::NoRoom, Step::Waits));
    };
    let place = usize::try_from(partition).ok().and_then(|at| next_offsets.get_mut(at));
    let Some(next) = place else { return Ok(Step::NoRoom) };
    let bounds = Bounds {
        end,
        until_ms: appended_until_ms(replay),
        found_max,
        seen_max: SEEN_MAX,
        deadline: Instant::now() + TIME_MAX,
    };
    let now_ms = now_ms();
    let wanted = |found: &_| is_wanted(&subscription, found, replay.from_ms, replay.until_ms, now_ms);
    let scanned = api.repair.events.scan(partition, *next, bounds, wanted).await?;
    let replaying = Replaying { replay, subscription: &subscription, reach };
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
    *next = if scanned.is_past { OVER } else { scanned.next };
    Ok(Step::On(TaskProgress {
        seen: before.seen + seen,
        sent: before.sent + sent.sent,
        left_out: before.left_out + sent.left_out,
        cursor: before.cursor,
        next_offsets,
    }))
}

/// What a replay that can do nothing else waits for, as people are told; `None`: it does not wait for fanout.
pub async fn waits_for(api: &Api, task: &Task) -> Option<String> {
    let (Some(Work::Replay(_)), false) = (&task.work, is_over(task)) else { return None };
    let done = timeout(api.patience() / 2, api.repair.fanout_done()).await;
    let Ok(Ok(fanout)) = done else {
        // Whoever carries it out says why.
        return Some("fanout; how far that is, can't be found out at this moment".to_owned());
    };
    let progress = task.progress.as_ref()?;
    let reaches = decode_reaches(&progress.cursor)?;
    Waits::of(&reaches, &progress.next_offsets, &fanout).map(|waits| waits.to_string())
}

/// Where a replay begins, in the order of the partitions.
pub struct Begun {
    /// The first offset of its time.
    pub next_offsets: Vec<i64>,
    pub reaches: Vec<Reach>,
}

/// `fanout`: what it has dealt with, asked for before.
pub async fn begin(api: &Api, replay: &Replay, fanout: &[i64]) -> Result<Begun, NotRead> {
    let mut begun = Begun { next_offsets: Vec::new(), reaches: Vec::new() };
    for (partition, fanout) in (0..).zip(fanout) {
        let from_ms = replay.from_ms.saturating_sub(CLOCKS_DIFFER_MAX_MS);
        let (next, end) = api.repair.events.range(partition, from_ms).await?;
        begun.next_offsets.push(next);
        // What came after its time need not be dealt with.
        let past = api.repair.events.first_since(partition, appended_until_ms(replay)).await?;
        begun.reaches.push(Reach::new(*fanout, end.min(past)));
    }
    Ok(begun)
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
