//! The command handler of one partition: the real decisions, with what it writes in one transaction, and crashes before
//! and after its commit. The broker fences off a former owner, so there are no zombies here.

use crate::limits::SKEW_MS;
use crate::surroundings::Surroundings;
use aerogram_domain::commands::partition::{ANSWERS_KEPT_MS, Asked, Batch, CommandId, PartitionState};
use aerogram_wire::v1::command_record::Body;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{
    Command, CommandRecord, CommandResult, Deactivate, Subscription, SubscriptionRecord, command,
};
use aerogram_wire::{Message as _, Topic, key::RunKey};
use std::sync::Arc;

/// The command by which a deliverer deactivates what answered 410. Its id is the run's.
pub fn deactivation(key: RunKey, reason: String) -> (CommandId, Command) {
    let change = command::Change::Deactivate(Deactivate { reason, failing_since_ms: 0 });
    (deactivation_id(key), by_deliverer(change))
}

/// What else a deliverer asks for: a note, or that a subscription is given up. Its core says the id.
pub fn by_deliverer(change: command::Change) -> Command {
    Command { scope: None, expected_version: 0, actor: "deliverer".into(), change: Some(change) }
}

pub fn deactivation_id(key: RunKey) -> CommandId {
    let mut id = key.delivery_id;
    id.iter_mut().zip(key.run.to_be_bytes()).for_each(|(byte, run)| *byte ^= run);
    id
}

pub struct CommandHandler {
    partition: usize,
    /// None: somebody has to take the partition over first.
    state: Option<PartitionState>,
    skew_ms: i64,
}

impl CommandHandler {
    pub fn new(partition: usize) -> Self {
        Self { partition, state: None, skew_ms: 0 }
    }

    pub fn is_idle(&self, world: &Surroundings) -> bool {
        let logs = &world.kafka.partitions[self.partition];
        logs.commands_committed >= logs.commands.end()
    }

    /// Some commands are read and decided; their transaction is committed, or something breaks on the way.
    pub fn step(&mut self, world: &mut Surroundings) {
        if self.is_idle(world) || world.rng.u32(..4) > 0 {
            return;
        }
        let state = match self.state.take() {
            Some(state) => state,
            None => self.take_over(world),
        };
        let now_ms = world.now_ms + self.skew_ms;
        let logs = &world.kafka.partitions[self.partition];
        let commands = logs.commands.iter_from(logs.commands_committed).map(|(_, stored)| &stored.record);
        let commands = commands.take(world.rng.usize(1..4)).cloned().collect::<Vec<_>>();
        let batch = state.decide(&commands, now_ms);
        if breaks(world) {
            // Aborted, by the next owner at the latest: readers skip what was written.
            let written = world.rng.i64(0..4);
            world.kafka.partitions[self.partition].subscriptions.skip(written);
            return;
        }
        self.commit(world, &commands, &batch, now_ms);
        if !breaks(world) {
            let mut state = state;
            state.committed(batch, now_ms);
            self.state = Some(state);
        }
    }

    fn take_over(&mut self, world: &mut Surroundings) -> PartitionState {
        self.skew_ms = world.rng.i64(-SKEW_MS..=SKEW_MS);
        let logs = &world.kafka.partitions[self.partition];
        let (mut state, mut next) = (PartitionState::default(), 0);
        while let Some(stored) = logs.subscriptions.next_from(next) {
            next = stored.offset + 1;
            stored.value.iter().for_each(|value| state.fold_state(Subscription::clone(value)));
        }
        // What is older is not asked for: the first answer of a command that was forgotten would hide the second.
        let since = logs.results.first_since(world.now_ms + self.skew_ms - ANSWERS_KEPT_MS);
        for (_, stored) in logs.results.iter_from(since) {
            let (id, result) = &stored.record;
            state.fold_result(*id, result, stored.appended_ms);
        }
        state
    }

    /// The transaction: states, results, and how far the commands are handled.
    fn commit(&self, world: &mut Surroundings, commands: &[Asked], batch: &Batch, now_ms: i64) {
        let (mut commands, mut next) = (commands.iter(), None::<Subscription>);
        for record in &batch.records {
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
            world.oracle.decided(asked, state.as_ref(), &result, now_ms, world.now_ms, &policies);
            let logs = &mut world.kafka.partitions[self.partition];
            if let Some(state) = state {
                logs.subscriptions.append(now_ms, state.id.clone(), Some(state), None);
            }
            logs.results.append(world.now_ms, (asked.command_id, result));
        }
        if commands.next().is_some() {
            world.oracle.fail(|| "(c) a command got no result".into());
        }
        let logs = &mut world.kafka.partitions[self.partition];
        logs.commands_committed += batch.outcomes.len() as i64;
        if !batch.outcomes.is_empty() {
            // The marker of the transaction.
            logs.subscriptions.skip(1);
        }
    }
}

fn describe(state: Option<&Subscription>, result: &CommandResult) -> String {
    match (state, &result.outcome) {
        (Some(state), _) => {
            let Subscription { version, policy, failing_since_ms, .. } = state;
            format!(
                "is {:?} at version {version}, policy {policy:?}, failing since {failing_since_ms}",
                state.status()
            )
        }
        (None, Some(Outcome::Refused(_))) => format!("refuses: {}", result.detail),
        (None, _) => "changes nothing".into(),
    }
}

fn breaks(world: &mut Surroundings) -> bool {
    let breaks = !world.calm && world.rng.u32(..25) == 0;
    if breaks {
        world.trace(|| "CRASH of a command handler".into());
        world.count("command handlers crashed");
    }
    breaks
}
