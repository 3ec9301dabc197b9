//! Carrying out what is asked for: the tasks under way take turns, and each goes on from where it was last said to be.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_domain::repair::{TaskId, done, failed, is_over, went_on};
use aerogram_telemetry::Said;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Task, TaskProgress};
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use super::{redeliver, replay};
use crate::repair::NotNow;
use crate::rest::Api;
use crate::submit::now_ms;

/// How far a task is, is written at least so often.
const SAID_EVERY: Duration = Duration::from_secs(1);
/// And after so many deliveries.
const SAID_AFTER: u64 = 1_000;
/// Time for each delivery that is sent: a thousand a second.
const TIME_OF_ONE: Duration = Duration::from_millis(1);
/// Wait until there is room, or what failed is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What a step came to.
pub(super) enum Step {
    /// So far, and there is more.
    On(TaskProgress),
    /// So many of it wait that no more are added.
    NoRoom,
    /// That was all.
    Done(TaskProgress),
    /// It can't go on.
    Failed(String),
}

/// Carries tasks out for as long as this process is their owner.
pub async fn carry_out(api: Arc<Api>, mut owns: watch::Receiver<bool>) -> Infallible {
    let said = Said::default();
    loop {
        if owns.wait_for(|owns| *owns).await.is_err() {
            // Nobody will ever say so.
            return std::future::pending().await;
        }
        tokio::select! {
            biased;
            _ = owns.wait_for(|owns| !*owns) => {}
            never = work(&api, &said) => match never {},
        }
    }
}

async fn work(api: &Api, said: &Said) -> Infallible {
    let mut changes = api.repair.tasks.changes();
    loop {
        changes.mark_unchanged();
        match turns(api, said).await {
            Ok(true) => {}
            Ok(false) if api.repair.tasks.running().is_empty() => {
                // The table has its sender for as long as this runs.
                let _ = changes.changed().await;
            }
            Ok(false) => sleep(LOOK_AGAIN).await,
            Err(error) => {
                if let Some(unsaid) = said.may_say("", Instant::now()) {
                    tracing::warn!(times_unsaid = unsaid, "tasks do not go on at this moment: {error}");
                }
                sleep(LOOK_AGAIN).await;
            }
        }
    }
}

/// A turn of each; whether one of them went on.
async fn turns(api: &Api, said: &Said) -> Result<bool, NotNow> {
    // What the owner before wrote, and what people want since.
    api.tasks_are_up_to_date().await?;
    let mut went_on = false;
    for task in api.repair.tasks.running() {
        let Ok(id) = TaskId::try_from(task.id.as_ref()) else { continue };
        match turn(api, &id, &task).await {
            Ok(on) => went_on |= on,
            // The others need not wait for it.
            Err(error) => {
                let task = Uuid::from_bytes(id).to_string();
                if let Some(unsaid) = said.may_say(&task, Instant::now()) {
                    tracing::warn!(
                        task,
                        times_unsaid = unsaid,
                        "a task does not go on at this moment: {error}"
                    );
                }
            }
        }
    }
    Ok(went_on)
}

/// Goes on for a second, or a thousand deliveries, and writes how far it is then.
async fn turn(api: &Api, id: &TaskId, task: &Task) -> Result<bool, NotNow> {
    let (begun, mut now) = (Instant::now(), task.clone());
    let seen = |task: &Task| task.progress.as_ref().map_or(0, |progress| progress.seen);
    while !is_over(&now) && begun.elapsed() < SAID_EVERY && seen(&now) - seen(task) < SAID_AFTER {
        // People may not want it any more.
        if api.repair.tasks.get(None, id).is_none_or(|task| is_over(&task)) {
            break;
        }
        let step = match &task.work {
            Some(Work::Redeliver(redeliver)) => redeliver::step(api, id, &now, redeliver).await?,
            Some(Work::Replay(replay)) => replay::step(api, id, &now, replay).await?,
            None => Step::Failed("it is of a kind that this version does not know".to_owned()),
        };
        let before = now.progress.as_ref().map_or(0, |progress| progress.sent);
        now = match step {
            Step::On(progress) => went_on(&now, progress, now_ms()),
            Step::NoRoom => break,
            Step::Done(progress) => done(&went_on(&now, progress, now_ms()), now_ms()),
            Step::Failed(why) => failed(&now, why, now_ms()),
        };
        let sent = now.progress.as_ref().map_or(0, |progress| progress.sent) - before;
        sleep(TIME_OF_ONE * u32::try_from(sent).unwrap_or(u32::MAX)).await;
    }
    if now == *task {
        return Ok(false);
    }
    api.repair.writing.task(&now).await?;
    if is_over(&now) {
        let (task, state) = (Uuid::from_bytes(*id), now.state().as_str_name());
        tracing::info!(%task, state, detail = now.detail, "a task is over");
    }
    Ok(true)
}
