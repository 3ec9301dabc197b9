//! A page of a list is sent again.

use std::collections::HashMap;
use std::sync::Arc;

use aerogram_domain::credentials::Subscriber;
use aerogram_domain::escalations::State;
use aerogram_domain::history::Status;
use aerogram_domain::identity::Position;
use aerogram_domain::repair::{Candidate, Choice, Found, KnownRun, TaskId, choose, first_record};
use aerogram_projection::{DeliveryRow, ProjectionError, Row};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, PendingKind, Subscription, Task};

use super::NotNow;
use crate::rest::Api;
use crate::submit::now_ms;
use crate::table::Owner;

/// What became of a page.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sent {
    pub sent: u64,
    pub left_out: u64,
}

/// One that was given up, with what is to be sent again.
pub(super) struct GivenUp {
    pub row: Row,
    pub position: Position,
    pub subscription: Arc<Subscription>,
}

impl Api {
    /// Sends again what of these rows can be. `subscriber`: what the pair that asked for it is entitled to; `None`: an
    /// administrator did. History, escalations and subscriptions must be up to date. Answers `None` when nothing is sent yet,
    /// because it is not known of all how they stand as escalations.
    ///
    /// # Errors
    /// When it is not known of all that they are sent. Then the page may be sent again.
    pub(crate) async fn send_again(
        &self,
        task_id: &TaskId,
        task: &Task,
        rows: &[DeliveryRow],
        subscriber: Option<&Subscriber>,
    ) -> Result<Option<Sent>, NotNow> {
        let runs = rows.iter().map(|row| row.key.delivery_id).collect();
        let runs = self.history.projection.runs_of(runs).await?;
        let (mut plain, mut given_up) = (Vec::new(), Vec::new());
        for row in rows {
            let owner = Owner::new(&row.about.partner, &row.about.operator);
            let subscription = self.table.get(&owner, &row.about.subscription_id);
            let escalation = match row.status {
                Status::Escalated => self.escalations.projection.escalation(row.key).await?,
                _ => None,
            };
            let state = escalation.as_ref().map(|row| state_for(row, task));
            let may = subscriber.is_none_or(|subscriber| subscriber.may_subscribe(&row.about.event_type));
            let candidate = Candidate {
                run: KnownRun { key: row.key, issued_at_ms: row.about.issued_at_ms, status: row.status },
                ended: row.status.is_final() && !row.about.once && may,
                changed_at_ms: row.changed_at_ms,
                escalation: state,
                runs: runs.get(&row.key.delivery_id).map_or(&[], Vec::as_slice),
                subscription: subscription.as_deref(),
            };
            match (choose(task_id, candidate, now_ms()), subscription, escalation) {
                (Choice::Send(run), Some(subscription), _) => plain.push((row, run, subscription)),
                (Choice::Escalation, Some(subscription), Some(escalation)) => {
                    let position = row.about.event_position;
                    given_up.push(GivenUp { row: escalation, position, subscription });
                }
                (Choice::NotYet, ..) => return Ok(None),
                _ => {}
            }
        }
        let positions = plain.iter().map(|(row, _, _)| row.about.event_position);
        let positions = positions.chain(given_up.iter().map(|given_up| given_up.position));
        let events = self.repair.events.at(positions).await?;
        let (mut entries, mut sent) = (Vec::with_capacity(plain.len()), 0);
        for (row, run, subscription) in plain {
            let Some(delivery) =
                self.delivery_again(&events, row.about.event_position, row.key, &subscription)
            else {
                continue;
            };
            sent += 1;
            if !self.is_known(run).await? {
                entries.push(first_record(run, &delivery, task.created_at_ms, PendingKind::Parked));
            }
        }
        self.repair.writing.send(&entries).await?;
        sent += self.redeliver_escalated(task, given_up, &events).await?;
        Ok(Some(Sent { sent, left_out: rows.len() as u64 - sent }))
    }

    /// Whether a run is in history: it was written already, perhaps so long ago that nobody else remembers.
    ///
    /// # Errors
    /// When history can't be read.
    pub(crate) async fn is_known(&self, run: RunKey) -> Result<bool, ProjectionError> {
        Ok(self.history.projection.delivery(run, i64::MIN).await?.is_some())
    }

    /// What was sent, out of the event that stands there; `None`: the log holds another one, or none.
    pub(crate) fn delivery_again(
        &self,
        events: &HashMap<Position, Found>,
        position: Position,
        key: RunKey,
        subscription: &Subscription,
    ) -> Option<Delivery> {
        let found = events.get(&position)?;
        // Of a log that was made anew.
        found.delivery_id(&subscription.id).filter(|id| *id == key.delivery_id)?;
        found.delivery(subscription, self.read_of(subscription))
    }

    /// How far `subscriptions` is known where the subscription stands: the deliverer shall know as much.
    pub(crate) fn read_of(&self, subscription: &Subscription) -> i64 {
        self.catch_up.read_up_to(self.cluster.subscription_partition(&subscription.id))
    }
}

/// What the task itself resolved before a crash is its own to count.
pub(super) fn state_for(row: &Row, task: &Task) -> State {
    let own = row
        .resolution
        .as_ref()
        .is_some_and(|resolution| resolution.at_ms == task.created_at_ms && resolution.actor == task.actor);
    match row.state() {
        State::Redelivered if own => State::Redelivering,
        state => state,
    }
}
