//! Carrying out what is asked for: the tasks under way take turns, and each goes on from where it was last said to be.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_domain::repair::{TaskId, Waits, done, failed, is_over, went_on};
use aerogram_projection::ProjectionError;
use aerogram_telemetry::{Said, names};
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Task, TaskProgress};
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use super::asking::Asking;
use super::table::kind;
use super::{redeliver, replay};
use crate::history::NotRead;
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

/// Deliveries of a step, at most; as long as they can be read in time.
const STEP_MAX: usize = 200;

/// What a step came to.
pub(super) enum Step {
    /// So far, and there is more.
    On(TaskProgress),
    /// It goes on from there, which is written down before anything is sent.
    Begun(TaskProgress),
    /// So many of it wait that no more are added, or it waits for others itself.
    NoRoom,
    /// It waits for fanout.
    Waits(Waits),
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

/// What every turn needs.
#[derive(Clone, Copy)]
struct Ground<'a> {
    api: &'a Api,
    said: &'a Said,
    asking: &'a Asking,
}

async fn work(api: &Api, said: &Said) -> Infallible {
    let asking = Asking::new();
    tokio::select! {
        never = asking.ask(api) => never,
        never = go_round(Ground { api, said, asking: &asking }) => never,
    }
}

async fn go_round(ground: Ground<'_>) -> Infallible {
    let Ground { api, said, .. } = ground;
    let (mut changes, mut steps) = (api.repair.tasks.changes(), Steps::default());
    loop {
        changes.mark_unchanged();
        match turns(ground, &mut steps).await {
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
async fn turns(ground: Ground<'_>, steps: &mut Steps) -> Result<bool, NotNow> {
    let Ground { api, said, .. } = ground;
    // What the owner before wrote, and what people want since.
    api.tasks_are_up_to_date().await?;
    let (mut went_on, running) = (false, api.repair.tasks.running());
    steps.0.retain(|id, _| running.iter().any(|task| task.id.as_ref() == id));
    for task in running {
        let Ok(id) = TaskId::try_from(task.id.as_ref()) else { continue };
        match turn(ground, &id, &task, steps).await {
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
async fn turn(ground: Ground<'_>, id: &TaskId, task: &Task, steps: &mut Steps) -> Result<bool, NotNow> {
    let (api, mut now) = (ground.api, task.clone());
    let gone_on = go_on(ground, id, task, &mut now, steps).await;
    let is_further = now != *task;
    // Whatever stopped it, what was done is not to be done again.
    if is_further {
        api.repair.writing.task(&now).await?;
    }
    if is_over(&now) {
        let (task, state) = (Uuid::from_bytes(*id), now.state().as_str_name());
        tracing::info!(%task, state, detail = now.detail, "a task is over");
    }
    gone_on.map(|()| is_further)
}

async fn go_on(
    Ground { api, said, asking }: Ground<'_>,
    id: &TaskId,
    task: &Task,
    now: &mut Task,
    steps: &mut Steps,
) -> Result<(), NotNow> {
    let begun = Instant::now();
    let seen = |task: &Task| task.progress.as_ref().map_or(0, |progress| progress.seen);
    while !is_over(now) && begun.elapsed() < SAID_EVERY && seen(now) - seen(task) < SAID_AFTER {
        // People may not want it any more.
        if api.repair.tasks.get(None, id).is_none_or(|task| is_over(&task)) {
            break;
        }
        let at_most = steps.at_most(id);
        // What the pair is entitled to today; an administrator is to everything.
        let pair =
            task.scope.as_ref().map(|scope| api.credentials.now().pair(&scope.partner, &scope.operator));
        let step = match (&task.work, pair.as_ref().map(Result::as_ref).transpose()) {
            (None, _) => Ok(Step::Failed("it is of a kind that this version does not know".to_owned())),
            (Some(_), Err(missing)) => Ok(Step::Failed(format!("its pair may not call any more: {missing}"))),
            (Some(Work::Redeliver(redeliver)), Ok(pair)) => {
                redeliver::step(api, id, now, redeliver, pair, at_most).await
            }
            (Some(Work::Replay(replay)), Ok(pair)) => {
                replay::step(api, (id, now), replay, pair, asking, at_most).await
            }
        };
        let was_late = matches!(
            step,
            Err(NotNow::Events(NotRead::Late) | NotNow::Projection(ProjectionError::Late { .. }))
        );
        steps.went(id, was_late);
        let step = step?;
        let before = now.progress.as_ref().map_or(0, |progress| progress.sent);
        *now = match step {
            Step::On(progress) => went_on(now, progress, now_ms()),
            Step::Begun(progress) => {
                *now = went_on(now, progress, now_ms());
                break;
            }
            Step::NoRoom => break,
            Step::Waits(waits) => {
                let task = Uuid::from_bytes(*id).to_string();
                if let Some(unsaid) = said.may_say(&format!("{task} waits"), Instant::now()) {
                    tracing::info!(task, times_unsaid = unsaid, "a replay waits for {waits}");
                }
                break;
            }
            Step::Done(progress) => done(&went_on(now, progress, now_ms()), now_ms()),
            Step::Failed(why) => failed(now, why, now_ms()),
        };
        let sent = now.progress.as_ref().map_or(0, |progress| progress.sent) - before;
        metrics::counter!(names::TASKS_SENT_TOTAL, "kind" => kind(now)).increment(sent);
        sleep(TIME_OF_ONE * u32::try_from(sent).unwrap_or(u32::MAX)).await;
    }
    Ok(())
}

/// How much a step of a task may have. What can't be read in time is tried with half as much, or the task would stand still for
/// ever.
#[derive(Default)]
struct Steps(HashMap<TaskId, usize>);

impl Steps {
    fn at_most(&self, id: &TaskId) -> usize {
        self.0.get(id).copied().unwrap_or(STEP_MAX)
    }

    fn went(&mut self, id: &TaskId, was_late: bool) {
        let at_most = self.at_most(id);
        let then = if was_late { (at_most / 2).max(1) } else { (at_most + 1).min(STEP_MAX) };
        self.0.insert(*id, then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_tried_with_half_as_much_until_it_goes() {
        let (mut steps, slow, other) = (Steps::default(), [1; 16], [2; 16]);
        for at_most in [100, 50, 25, 12, 6, 3, 1, 1] {
            steps.went(&slow, true);
            assert_eq!(steps.at_most(&slow), at_most);
        }
        assert_eq!(steps.at_most(&other), STEP_MAX);
        for at_most in [2, 3] {
            steps.went(&slow, false);
            assert_eq!(steps.at_most(&slow), at_most);
        }
        for _ in 0..STEP_MAX {
            steps.went(&slow, false);
        }
        assert_eq!(steps.at_most(&slow), STEP_MAX);
    }
}
