//! The command handlers: two api processes that take partitions of `commands` from one another. The real decisions, with what
//! they write in transactions, and crashes before and after a commit.
//!
//! A process does not hear at once that a partition is another's, and may be in the middle of a transaction. What the broker
//! holds back is modelled as it is: offsets of a former generation are refused, and with them the transaction; a transaction
//! whose offsets were taken before may still be committed, so a new owner waits until it has ended, one way or the other.

mod transaction;

use crate::limits::{API_PROCESSES, PARTITIONS, SKEW_MS, TRANSACTION_MS};
use crate::surroundings::Surroundings;
use aerogram_domain::commands::partition::{ANSWERS_KEPT_MS, CommandId, PartitionState};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Command, Deactivate, Subscription, command};
use transaction::{Stage, Transaction};

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

/// A partition as a process holds it that takes itself for its owner.
struct Owned {
    generation: u64,
    /// `None`: it was not taken over yet.
    state: Option<PartitionState>,
    /// The next command to be read.
    next: i64,
}

#[derive(Default)]
struct Process {
    alive: bool,
    skew_ms: i64,
    owned: [Option<Owned>; PARTITIONS],
}

/// As the group knows it.
#[derive(Clone, Copy, Default)]
struct Owner {
    process: usize,
    generation: u64,
}

#[derive(Default)]
pub struct CommandHandlers {
    processes: [Process; API_PROCESSES],
    owners: [Owner; PARTITIONS],
    /// Of a process one at a time, but for those it left behind when it crashed.
    open: Vec<Transaction>,
}

impl CommandHandlers {
    pub fn is_idle(&self, world: &Surroundings) -> bool {
        let handled = |p: usize| {
            let logs = &world.kafka.partitions[p];
            logs.commands_committed >= logs.commands.end()
        };
        self.open.is_empty() && (0..PARTITIONS).all(handled)
    }

    /// One of the processes does one thing.
    pub fn step(&mut self, world: &mut Surroundings) {
        if self.is_idle(world) || world.rng.bool() {
            return;
        }
        self.time_out(world);
        self.rebalance(world);
        let index = world.rng.usize(..API_PROCESSES);
        if !self.processes[index].alive {
            return self.start(world, index);
        }
        match self.open.iter().position(|open| open.is_of(index)) {
            Some(open) => self.go_on(world, open),
            None => {
                let p = world.rng.usize(..PARTITIONS);
                if let Some(generation) = self.look(world, index, p) {
                    self.begin(world, index, p, generation);
                }
            }
        }
    }

    fn start(&mut self, world: &mut Surroundings, index: usize) {
        if world.calm || world.rng.u32(..4) == 0 {
            let skew_ms = world.rng.i64(-SKEW_MS..=SKEW_MS);
            self.processes[index] = Process { alive: true, skew_ms, ..Process::default() };
        }
    }

    /// The group gives a partition to another process, which its owner does not hear at once.
    fn rebalance(&mut self, world: &mut Surroundings) {
        let p = world.rng.usize(..PARTITIONS);
        let Owner { process, generation } = self.owners[p];
        let is_lost = generation == 0 || !self.processes[process].alive;
        let moves = !world.calm && world.rng.u32(..30) == 0;
        let process = world.rng.usize(..API_PROCESSES);
        if (is_lost || moves) && self.processes[process].alive {
            self.owners[p] = Owner { process, generation: generation + 1 };
            world.trace(|| format!("api {process} is given p{p} of commands"));
        }
    }

    /// What a process knows of a partition: the generation in which it takes itself for its owner.
    fn look(&mut self, world: &mut Surroundings, index: usize, p: usize) -> Option<u64> {
        let Owner { process, generation } = self.owners[p];
        let owned = &mut self.processes[index].owned[p];
        let is_owner = process == index && generation > 0;
        match owned {
            Some(owned) if is_owner && owned.generation == generation => {}
            // It hears of it some time.
            Some(_) if world.rng.bool() => {}
            _ => *owned = is_owner.then_some(Owned { generation, state: None, next: 0 }),
        }
        owned.as_ref().map(|owned| owned.generation)
    }

    /// Some commands are read and decided, and what follows is written.
    fn begin(&mut self, world: &mut Surroundings, index: usize, p: usize, generation: u64) {
        let waits = self.open.iter().any(|open| open.partition == p);
        let Process { skew_ms, owned, .. } = &mut self.processes[index];
        let Some(owned) = &mut owned[p] else { return };
        let logs = &world.kafka.partitions[p];
        let now_ms = world.now_ms + *skew_ms;
        let state = match &mut owned.state {
            Some(state) => state,
            None if waits => return world.count("takeovers that wait for a transaction"),
            None => {
                owned.next = logs.commands_committed;
                owned.state.insert(fold(world, p, now_ms))
            }
        };
        let commands = logs.commands.iter_from(owned.next).map(|(_, stored)| &stored.record);
        let commands = commands.take(world.rng.usize(1..4)).cloned().collect::<Vec<_>>();
        if commands.is_empty() {
            return;
        }
        let batch = state.decide(&commands, now_ms);
        // Whatever becomes of it, its records have taken their offsets.
        let written = batch.records.len() as i64;
        let (stage, begun_ms) = (Stage::Written, world.now_ms);
        let process = Some(index);
        self.open.push(Transaction {
            process,
            partition: p,
            generation,
            commands,
            batch,
            now_ms,
            begun_ms,
            stage,
        });
        world.kafka.partitions[p].subscriptions.skip(written);
        if breaks(world) {
            self.crash(index);
        }
    }

    /// A process goes on with its transaction: its offsets are sent, then it is committed.
    fn go_on(&mut self, world: &mut Surroundings, at: usize) {
        let Transaction { process, partition: p, generation, stage, .. } = self.open[at];
        let Some(index) = process else { return };
        if world.now_ms - self.open[at].begun_ms > TRANSACTION_MS {
            // Its producer is of no more use.
            return self.crash(index);
        }
        let breaks = breaks(world);
        match stage {
            Stage::Written if self.owners[p].generation != generation => {
                world.count("transactions of former owners refused");
                self.open.swap_remove(at);
                self.processes[index].owned[p] = None;
            }
            Stage::Written => self.open[at].stage = Stage::OffsetsSent,
            Stage::OffsetsSent => {
                if self.owners[p].generation != generation {
                    world.count("transactions of former owners committed");
                }
                let transaction = self.open.swap_remove(at);
                transaction.commit(world);
                if let Some(owned) = &mut self.processes[index].owned[p]
                    && let Some(state) = &mut owned.state
                {
                    owned.next += transaction.commands.len() as i64;
                    state.committed(transaction.batch, transaction.now_ms);
                }
            }
        }
        if breaks {
            self.crash(index);
        }
    }

    fn crash(&mut self, index: usize) {
        self.processes[index] = Process::default();
        // Nobody goes on with it.
        self.open.iter_mut().filter(|open| open.is_of(index)).for_each(|open| open.process = None);
    }

    /// The broker aborts what nobody goes on with.
    fn time_out(&mut self, world: &mut Surroundings) {
        if world.rng.u32(..6) == 0
            && let Some(at) = self.open.iter().position(|open| open.process.is_none())
        {
            self.open.swap_remove(at);
            world.count("transactions timed out");
        }
    }
}

/// What a new owner knows: every state, and the answers of a day.
fn fold(world: &Surroundings, p: usize, now_ms: i64) -> PartitionState {
    let logs = &world.kafka.partitions[p];
    let (mut state, mut next) = (PartitionState::default(), 0);
    while let Some(stored) = logs.subscriptions.next_from(next) {
        next = stored.offset + 1;
        stored.value.iter().for_each(|value| state.fold_state(Subscription::clone(value)));
    }
    // What is older is not asked for: the first answer of a command that was forgotten would hide the second.
    let since = logs.results.first_since(now_ms - ANSWERS_KEPT_MS);
    for (_, stored) in logs.results.iter_from(since) {
        let (id, result) = &stored.record;
        state.fold_result(*id, result, stored.appended_ms);
    }
    state
}

fn breaks(world: &mut Surroundings) -> bool {
    let breaks = !world.calm && world.rng.u32(..50) == 0;
    if breaks {
        world.trace(|| "CRASH of a command handler".into());
        world.count("command handlers crashed");
    }
    breaks
}
