//! What follows from an attempt for its subscription: the commands that note how the receiver does, and the one that
//! gives it up.

use super::super::action::{Consequence, Ticket};
use super::super::{Action, Partition};
use crate::clock::Now;
use crate::commands::partition::CommandId;
use crate::escalations::outcome_name;
use crate::time::iso_millis;
use aerogram_wire::v1::{Attempt, Line, LineKind, Outcome, Reason, Status};
use sha2::{Digest as _, Sha256};

impl Partition {
    /// An own line was read back: a failure of the receiver may be the last one.
    pub(in crate::deliverer) fn hear_failure(
        &mut self,
        now: Now,
        offset: i64,
        line: &Line,
        out: &mut Vec<Action>,
    ) {
        let (Some(attempt), Some(item)) = (&line.attempt, self.items.get(offset)) else { return };
        // Somebody tries what the receiver does with a test event, perhaps while it is being built.
        if item.delivery.once {
            return;
        }
        let outcome = attempt.outcome();
        // 410 has a way of its own.
        if matches!(outcome, Outcome::Delivered | Outcome::PlatformError) || line.reason() == Reason::Gone {
            return;
        }
        let id = &item.delivery.subscription_id;
        let Some(state) = self.table.get(id).filter(|state| state.status() == Status::Active) else { return };
        // What another URL answered says nothing of this one.
        if item.sent_as.as_ref().is_none_or(|(sent, _)| sent.callback_url != state.callback_url) {
            return;
        }
        let (told_ms, since_ms) = (self.fold.told_ms(), state.failing_since_ms);
        self.failing.failed(now.mono_ms, id, told_ms);
        // One failure after days of silence is not enough: the policy's last attempt, or a while of them.
        let first_ms = item.delivery.history.first().map_or(attempt.started_at_ms, |a| a.started_at_ms);
        let is_enough = line.kind() == LineKind::Escalated
            || attempt.started_at_ms - first_ms >= self.config.failing.noted_after_ms
            || self.failing.is_sustained(now.mono_ms, id);
        // Before that a success of the former owner may be among the records to come.
        let caught_up = self.polled.upto_ms() > self.fold.claimed_ms();
        let tried_ms = item.delivery.history.iter().chain([attempt]).map(|tried| tried.started_at_ms);
        if is_enough && caught_up && self.failing.gives_up(id, since_ms, told_ms, tried_ms) {
            out.push(Action::GiveUp {
                command_id: command_id("gives up", &[id.as_bytes(), &since_ms.to_be_bytes()]),
                subscription_id: id.clone(),
                failing_since_ms: since_ms,
                detail: detail(since_ms, attempt),
            });
        }
    }

    /// The record's run ended well, by an own line or one that was inherited: what is noted of its receiver is not so.
    pub(in crate::deliverer) fn take_note_back(&mut self, now: Now, offset: i64, out: &mut Vec<Action>) {
        let Some(item) = self.items.get(offset) else { return };
        let (key, id) = (item.key, &item.delivery.subscription_id);
        let Some(well_ms) = self.fold.delivered_ms(key) else { return };
        let Some(state) = self.table.get(id).filter(|state| state.status() == Status::Active) else { return };
        if self.failing.takes_back(now.mono_ms, id, state.failing_since_ms, well_ms) {
            out.push(Action::NoteHealth {
                ticket: Some(Ticket { offset, consequence: Consequence::Note }),
                // The run's, so that its repetition is recognised.
                command_id: command_id("did well", &[&key.delivery_id, &key.run.to_be_bytes()]),
                subscription_id: id.clone(),
                failing_since_ms: 0,
            });
        }
    }

    /// What is to be noted, while the ownership is sure.
    pub(in crate::deliverer) fn note_health(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.may_send(now) {
            return;
        }
        for id in self.failing.due(now.mono_ms) {
            let Some(state) = self.table.get(&id).filter(|state| state.status() == Status::Active) else {
                self.failing.forget(&id);
                continue;
            };
            if let Some(wish) = self.failing.wish(now.mono_ms, &id, state.failing_since_ms) {
                let parts = [id.as_bytes(), &self.epoch.to_be_bytes(), &wish.number.to_be_bytes()];
                out.push(Action::NoteHealth {
                    ticket: None,
                    command_id: command_id("notes", &parts),
                    failing_since_ms: wish.since_ms,
                    subscription_id: id,
                });
            }
        }
    }

    /// How the attempt of a subscription went, for as long as its line is on its way.
    pub(in crate::deliverer) fn went_well(&mut self, now: Now, subscription_id: &str) {
        let noted_ms = self.table.get(subscription_id).map_or(0, |state| state.failing_since_ms);
        self.failing.well(now.mono_ms, subscription_id, noted_ms);
    }
}

/// A repetition has the same one. Each part with its length, so that ("ab", "c") and ("a", "bc") stay apart.
fn command_id(what: &str, parts: &[&[u8]]) -> CommandId {
    let mut hasher = Sha256::new();
    for part in [what.as_bytes()].iter().chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut id = CommandId::default();
    id.iter_mut().zip(hasher.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    id
}

/// For the subscription's owner.
fn detail(since_ms: i64, attempt: &Attempt) -> String {
    let last = match attempt.status {
        0 => outcome_name(attempt.outcome()).to_owned(),
        status => format!("status {status}"),
    };
    format!(
        "every attempt since {} has failed, the last one by {last}; when the receiver works again, set the status to \
         ACTIVE and redeliver what was escalated",
        iso_millis(since_ms)
    )
}
