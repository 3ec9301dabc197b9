//! What a replay sends of the events that it found.

use std::sync::Arc;

use aerogram_domain::escalations::{State, redelivery_run};
use aerogram_domain::history::Status;
use aerogram_domain::repair::{Found, KnownRun, Reach, TaskId, awaits_escalation, first_record, replayed};
use aerogram_domain::time::iso_millis;
use aerogram_projection::{ProjectionError, Row};
use aerogram_wire::key::{DeliveryId, RunKey};
use aerogram_wire::v1::{PendingKind, Replay, Subscription, Task};

use super::again::{GivenUp, state_for};
use super::{NotNow, Sent};
use crate::rest::Api;
use crate::submit::now_ms;

/// What is replayed to whom.
#[derive(Clone, Copy)]
pub struct Replaying<'a> {
    pub replay: &'a Replay,
    pub subscription: &'a Subscription,
    /// Of the partition that the events stand in.
    pub reach: Reach,
}

/// Why an event that matches is not replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotReplayed {
    /// It repeats an earlier event, by which the receiver knows it.
    Repeats,
    /// It was delivered, or is under way.
    Delivered,
}

/// How the latest run of a delivery stands as an escalation.
enum Latest {
    /// It has to be redelivered as one.
    GivenUp(Box<Row>),
    /// It may be listed as one yet.
    NotYet,
    /// As none that has to do with it.
    Other,
}

impl Api {
    /// Sends these, as runs of the task; or as its escalation what was given up and nobody has dealt with, so that it is dealt with by
    /// that. History, escalations and subscriptions must be up to date. Answers `None` when nothing is sent yet, because it is
    /// not known of all how they stand as escalations.
    ///
    /// # Errors
    /// When it is not known of all that they are sent. Then they may be sent again.
    pub(crate) async fn replay(
        &self,
        task_id: &TaskId,
        task: &Task,
        replaying: Replaying<'_>,
        found: Vec<Found>,
    ) -> Result<Option<Sent>, NotNow> {
        let (mut entries, mut given_up, mut sent, seen) = (Vec::new(), Vec::new(), 0, found.len() as u64);
        let offset = self.read_of(replaying.subscription);
        let subscription = Arc::new(replaying.subscription.clone());
        let ids = found.iter().filter_map(|event| event.delivery_id(&subscription.id)).collect();
        let runs = self.history.projection.runs_of(ids).await?;
        for event in &found {
            let (Some(id), Some(delivery)) = (
                event.delivery_id(&replaying.subscription.id),
                event.delivery(replaying.subscription, offset),
            ) else {
                continue;
            };
            let run = replayed(task_id, id);
            let runs = runs.get(&id).map_or(&[][..], Vec::as_slice);
            // First: its own run is one that is under way, too.
            if is_own(runs, run, task) || self.is_known(run).await? {
                sent += 1;
            } else if self.why_not(replaying, event, runs).await?.is_none() {
                match self.latest(runs, task).await? {
                    Latest::NotYet => return Ok(None),
                    Latest::GivenUp(row) => {
                        let subscription = Arc::clone(&subscription);
                        given_up.push(GivenUp { row: *row, position: event.position, subscription });
                    }
                    Latest::Other => {
                        sent += 1;
                        entries.push(first_record(run, &delivery, task.created_at_ms, PendingKind::Parked));
                    }
                }
            }
        }
        self.repair.writing.send(&entries).await?;
        let events = found.into_iter().map(|event| (event.position, event)).collect();
        sent += self.redeliver_escalated(task, given_up, &events).await?;
        Ok(Some(Sent { sent, left_out: seen - sent }))
    }

    async fn latest(&self, runs: &[KnownRun], task: &Task) -> Result<Latest, ProjectionError> {
        let latest = runs.iter().max_by_key(|run| run.order());
        let Some(latest) = latest.filter(|run| run.status == Status::Escalated) else {
            return Ok(Latest::Other);
        };
        if let Some(row) = self.escalations.projection.escalation(latest.key).await? {
            let is_open = matches!(state_for(&row, task), State::Open | State::Redelivering);
            return Ok(if is_open { Latest::GivenUp(Box::new(row)) } else { Latest::Other });
        }
        let row = self.history.projection.delivery(latest.key, i64::MIN).await?;
        let awaited = row.is_some_and(|row| awaits_escalation(row.status, row.changed_at_ms, now_ms()));
        Ok(if awaited { Latest::NotYet } else { Latest::Other })
    }

    /// Why a replay can't be exact; `None`: it can. What history does not tell of any more may have been delivered.
    pub(crate) fn forgotten(&self, replay: &Replay, now_ms: i64) -> Option<String> {
        let since_ms = self.history.since_ms(now_ms);
        (!replay.all && replay.from_ms < since_ms).then(|| {
            format!(
                "history tells what was delivered since {} only; replay what was accepted since then, or all (\"all\": true), which \
                 may send again what was delivered",
                iso_millis(since_ms)
            )
        })
    }

    /// Why an event that matches is left out; `None`: it is sent.
    ///
    /// # Errors
    /// When history can't be read.
    pub(crate) async fn why_not_replayed(
        &self,
        replaying: Replaying<'_>,
        found: &Found,
        delivery_id: DeliveryId,
    ) -> Result<Option<NotReplayed>, ProjectionError> {
        let runs = self.history.projection.runs_of(vec![delivery_id]).await?;
        let runs = runs.get(&delivery_id).map_or(&[][..], Vec::as_slice);
        self.why_not(replaying, found, runs).await
    }

    async fn why_not(
        &self,
        Replaying { replay, reach, .. }: Replaying<'_>,
        found: &Found,
        runs: &[KnownRun],
    ) -> Result<Option<NotReplayed>, ProjectionError> {
        if self.history.projection.is_repeat(found.position).await? {
            return Ok(Some(NotReplayed::Repeats));
        }
        if replay.all && reach.sends_again(found.position.offset) {
            return Ok(None);
        }
        let there = runs.iter().any(|run| run.status == Status::Delivered || !run.status.is_final());
        Ok(there.then_some(NotReplayed::Delivered))
    }
}

/// Whether the task has sent this delivery: as its run, or as the redelivery of one that was given up.
fn is_own(runs: &[KnownRun], run: RunKey, task: &Task) -> bool {
    let redelivers = |sent: &KnownRun| {
        sent.issued_at_ms == task.created_at_ms
            && runs.iter().any(|run| sent.key.run == redelivery_run(run.key))
    };
    runs.iter().any(|sent| sent.key == run || redelivers(sent))
}
