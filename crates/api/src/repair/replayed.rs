//! What a replay sends of the events that it found.

use aerogram_domain::history::Status;
use aerogram_domain::repair::{Found, TaskId, first_record, replayed};
use aerogram_projection::{DeliveryQuery, ProjectionError};
use aerogram_wire::key::DeliveryId;
use aerogram_wire::v1::{PendingKind, Replay, Subscription};

use super::{NotNow, Sent};
use crate::rest::Api;

/// Runs of one delivery that are looked at.
const RUNS_MAX: usize = 200;

/// What is replayed to whom.
#[derive(Clone, Copy)]
pub struct Replaying<'a> {
    pub replay: &'a Replay,
    pub subscription: &'a Subscription,
}

/// Why an event that matches is not replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotReplayed {
    /// It repeats an earlier event, by which the receiver knows it.
    Repeats,
    /// It was delivered, or is under way.
    Delivered,
}

impl Api {
    /// Sends these, as runs of the task that was made then.
    ///
    /// # Errors
    /// When it is not known of all that they are sent. Then they may be sent again.
    pub(crate) async fn replay(
        &self,
        task_id: &TaskId,
        since_ms: i64,
        replaying: Replaying<'_>,
        found: &[Found],
    ) -> Result<Sent, NotNow> {
        let (mut entries, mut sent) = (Vec::new(), 0);
        let offset = self.read_of(replaying.subscription);
        for event in found {
            let (Some(id), Some(delivery)) = (
                event.delivery_id(&replaying.subscription.id),
                event.delivery(replaying.subscription, offset),
            ) else {
                continue;
            };
            let run = replayed(task_id, id);
            // First: its own run is one that is under way, too.
            if self.is_known(run).await? {
                sent += 1;
            } else if self.why_not_replayed(replaying, event, id).await?.is_none() {
                sent += 1;
                entries.push(first_record(run, &delivery, since_ms, PendingKind::Parked));
            }
        }
        self.repair.writing.send(&entries).await?;
        Ok(Sent { sent, left_out: found.len() as u64 - sent })
    }

    /// Why an event that matches is left out; `None`: it is sent.
    ///
    /// # Errors
    /// When history can't be read.
    pub(crate) async fn why_not_replayed(
        &self,
        Replaying { replay, subscription }: Replaying<'_>,
        found: &Found,
        delivery_id: DeliveryId,
    ) -> Result<Option<NotReplayed>, ProjectionError> {
        if self.history.projection.is_repeat(found.position).await? {
            return Ok(Some(NotReplayed::Repeats));
        }
        if replay.all {
            return Ok(None);
        }
        let event_id = found.envelope.event.as_ref().map(|event| event.id.clone());
        let query = DeliveryQuery {
            subscription_id: Some(subscription.id.clone()),
            event_id,
            limit: RUNS_MAX,
            ..DeliveryQuery::default()
        };
        let runs = self.history.projection.deliveries(query).await?.rows;
        let mut runs = runs.iter().filter(|row| row.key.delivery_id == delivery_id);
        let there = runs.any(|row| row.status == Status::Delivered || !row.status.is_final());
        Ok(there.then_some(NotReplayed::Delivered))
    }
}
