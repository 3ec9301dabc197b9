//! What is decided about some commands, on its way to the log.

use crate::surroundings::Surroundings;
use aerogram_domain::commands::partition::{Asked, Batch};
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{CommandRecord, CommandResult, Subscription, SubscriptionRecord};
use aerogram_wire::{Message as _, Topic};
use std::sync::Arc;

#[derive(Clone, Copy)]
pub(super) enum Stage {
    Written,
    /// The group took its offsets; nothing keeps it from being committed.
    OffsetsSent,
}

pub(super) struct Transaction {
    /// `None`: its process crashed.
    pub process: Option<usize>,
    pub partition: usize,
    /// In which its process took itself for the owner.
    pub generation: u64,
    pub commands: Vec<Asked>,
    pub batch: Batch,
    /// When it was begun, by true time.
    pub begun_ms: i64,
    /// When it was decided, by the handler's clock.
    pub now_ms: i64,
    pub stage: Stage,
}

impl Transaction {
    pub fn is_of(&self, process: usize) -> bool {
        self.process == Some(process)
    }

    /// States, results, and how far the commands are handled, all at once.
    pub fn commit(&self, world: &mut Surroundings) {
        let (mut commands, mut next) = (self.commands.iter(), None::<Subscription>);
        for record in &self.batch.records {
            if record.topic == Topic::Subscriptions {
                next = SubscriptionRecord::decode(record.payload.clone()).ok().and_then(|r| r.subscription);
                continue;
            }
            let Ok(CommandRecord { body: Some(Body::Result(result)), .. }) =
                CommandRecord::decode(record.payload.clone())
            else {
                return world.oracle.fail(|| "(c) what was written is no result".into());
            };
            let Some(asked) = commands.next() else { return };
            let state = next.take().map(Arc::new);
            world.trace(|| format!("  {} {}", asked.subscription_id, describe(state.as_deref(), &result)));
            let policies = world.policies.clone();
            world.oracle.decided(asked, state.as_ref(), &result, self.now_ms, world.now_ms, &policies);
            let logs = &mut world.kafka.partitions[self.partition];
            if let Some(state) = state {
                logs.subscriptions.append(world.now_ms, state.id.clone(), Some(state), None);
            }
            logs.results.append(world.now_ms, (asked.command_id, result));
        }
        if commands.next().is_some() {
            world.oracle.fail(|| "(c) a command got no result".into());
        }
        let logs = &mut world.kafka.partitions[self.partition];
        logs.commands_committed += self.commands.len() as i64;
        // The marker of the transaction.
        logs.subscriptions.skip(1);
    }
}

fn describe(state: Option<&Subscription>, result: &CommandResult) -> String {
    match (state, &result.outcome) {
        (Some(state), _) => {
            let Subscription { version, policy, failing_since_ms, expires_at_ms, .. } = state;
            format!(
                "is {:?} at version {version}, policy {policy:?}, failing since {failing_since_ms}, expires {expires_at_ms}",
                state.status()
            )
        }
        (None, Some(Outcome::Refused(_))) => format!("refuses: {}", result.detail),
        (None, _) => "changes nothing".into(),
    }
}
