//! What the owner of a partition of `commands` knows, and its decisions about a batch, as one transaction writes them.

mod answers;
#[cfg(test)]
mod tests;

use super::{Decision, by_system, decide};
use crate::sabotage::{Rule, removed};
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::v1::{Command, CommandRecord, CommandResult, Subscription, SubscriptionRecord};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use answers::Memories;
use bytes::Bytes;
use std::collections::HashMap;

pub use answers::{ANSWERS_BYTES_MAX, ANSWERS_KEPT_MS, ANSWERS_MAX};

/// Identifies a command; the same wish sent twice has the same one.
pub type CommandId = [u8; 16];

/// A command as it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    pub command_id: CommandId,
    pub subscription_id: String,
    pub command: Command,
}

/// A record to be written to partition p of `topic`, keyed by the subscription's id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRecord {
    pub topic: Topic,
    pub key: Bytes,
    pub payload: Bytes,
}

/// A subscription that the system made inactive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deactivated {
    pub subscription_id: String,
    /// Failing for too long; else 410.
    pub gave_up: bool,
    pub status_reason: String,
}

/// The fold of a partition.
#[derive(Default, Debug)]
pub struct PartitionState {
    /// Deleted ones included: deleted is final.
    subscriptions: HashMap<String, Subscription>,
    answers: Memories,
}

/// What was decided and holds once the transaction has been committed.
#[derive(Default, Debug)]
pub struct Batch {
    /// States and results, in the order of the commands.
    pub records: Vec<NewRecord>,
    /// How each command ended: `applied`, `unchanged`, `repeated` or a refusal.
    pub outcomes: Vec<&'static str>,
    /// What the system made inactive.
    pub deactivated: Vec<Deactivated>,
    subscriptions: HashMap<String, Subscription>,
    answers: Vec<(CommandId, CommandResult)>,
}

impl PartitionState {
    /// Takes in a record of `subscriptions`.
    pub fn fold_state(&mut self, subscription: Subscription) {
        self.subscriptions.insert(subscription.id.clone(), subscription);
    }

    /// Takes in a result of `commands`, written at `at_ms`.
    pub fn fold_result(&mut self, command_id: CommandId, result: &CommandResult, at_ms: i64) {
        self.answers.remember(command_id, result, at_ms);
    }

    /// Subscriptions known, deleted ones included.
    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// Decides about commands in their order. Nothing is remembered before [`PartitionState::committed`]: a batch whose
    /// transaction was aborted is dropped and decided again. A command that was answered before gets the same
    /// answer and changes nothing.
    pub fn decide(&self, commands: &[Asked], now_ms: i64) -> Batch {
        let mut batch = Batch::default();
        for asked in commands {
            let earlier = self.answers.get(&asked.command_id).or_else(|| batch.answer_to(&asked.command_id));
            if let Some(result) = earlier.filter(|_| !removed(Rule::CommandOnce)) {
                batch.outcomes.push("repeated");
                batch.push_result(asked, result, now_ms);
                continue;
            }
            let id = asked.subscription_id.as_str();
            let current = batch.subscriptions.get(id).or_else(|| self.subscriptions.get(id));
            let decision = decide(current, id, &asked.command, now_ms);
            let result =
                if by_system(&asked.command) { decision.to_bare_result() } else { decision.to_result() };
            batch.outcomes.push(decision.outcome());
            if let Decision::Apply(next) = decision {
                batch.deactivated.extend(Deactivated::by(&asked.command, &next));
                batch.push_state(id, next);
            }
            batch.push_result(asked, result.clone(), now_ms);
            batch.answers.push((asked.command_id, result));
        }
        batch
    }

    /// The batch's transaction was committed.
    pub fn committed(&mut self, batch: Batch, now_ms: i64) {
        self.subscriptions.extend(batch.subscriptions);
        for (command_id, result) in batch.answers {
            self.answers.remember(command_id, &result, now_ms);
        }
        self.answers.forget_before(now_ms.saturating_sub(ANSWERS_KEPT_MS));
    }
}

impl Batch {
    fn answer_to(&self, command_id: &CommandId) -> Option<CommandResult> {
        self.answers.iter().find(|(id, _)| id == command_id).map(|(_, result)| result.clone())
    }

    fn push_state(&mut self, id: &str, next: Subscription) {
        let record = SubscriptionRecord { schema: SCHEMA, subscription: Some(next.clone()) };
        self.records.push(NewRecord {
            topic: Topic::Subscriptions,
            key: Bytes::copy_from_slice(id.as_bytes()),
            payload: record.encode_to_vec().into(),
        });
        self.subscriptions.insert(id.to_owned(), next);
    }

    fn push_result(&mut self, asked: &Asked, result: CommandResult, now_ms: i64) {
        let record = CommandRecord {
            schema: SCHEMA,
            command_id: Bytes::copy_from_slice(&asked.command_id),
            subscription_id: asked.subscription_id.clone(),
            at_ms: now_ms,
            body: Some(Body::Result(result)),
        };
        self.records.push(NewRecord {
            topic: Topic::Commands,
            key: Bytes::copy_from_slice(asked.subscription_id.as_bytes()),
            payload: record.encode_to_vec().into(),
        });
    }
}

impl Deactivated {
    fn by(command: &Command, next: &Subscription) -> Option<Self> {
        matches!(command.change, Some(Change::Deactivate(_))).then(|| Self {
            subscription_id: next.id.clone(),
            gave_up: next.gave_up,
            status_reason: next.status_reason.clone(),
        })
    }
}

impl Decision {
    /// The value of the metric label.
    fn outcome(&self) -> &'static str {
        use aerogram_wire::v1::Refusal;
        match self {
            Decision::Apply(_) => "applied",
            Decision::Unchanged(_) => "unchanged",
            Decision::Refuse { refusal, .. } => match refusal {
                Refusal::NotFound => "not_found",
                Refusal::AlreadyExists => "already_exists",
                Refusal::VersionMismatch => "version_mismatch",
                Refusal::Expired => "expired",
                Refusal::Conflict => "conflict",
                Refusal::NotRenewable => "not_renewable",
                Refusal::Invalid | Refusal::Unspecified => "invalid",
            },
        }
    }
}
