//! People who look after escalations: they redeliver, more than one of them at once and more than once, or dismiss.
//!
//! A redelivery is said in `escalations` first. Its entry in `pending` follows from the first such record of the run, and
//! may be written any number of times: the new run and its due time are the same each time. Were the due time that of the
//! repetition, a deliverer that has forgotten the new run would take it for one that nobody can have heard of.

use crate::kafka::Write;
use crate::limits::{PARTITIONS, SKEW_MS};
use crate::surroundings::Surroundings;
use crate::table::Table;
use aerogram_domain::escalations::{Decision, Escalated, State, Who, Wish, decide};
use aerogram_wire::Message as _;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, PendingEntry, Resolution};
use std::collections::BTreeMap;

struct Case {
    partition: usize,
    delivery: Delivery,
    /// The one that counts.
    resolution: Option<Resolution>,
    /// How often the entry was written.
    written: u32,
    /// What one who stands still has decided to write.
    kept: Option<(PendingKey, Box<PendingEntry>)>,
}

impl Case {
    fn state(&self) -> State {
        State::of(self.resolution.as_ref())
    }
}

pub struct People {
    cases: BTreeMap<RunKey, Case>,
    /// What they see of `subscriptions`.
    table: Table,
    next: [i64; PARTITIONS],
    redeliveries_left: usize,
}

impl People {
    pub fn new(world: &mut Surroundings) -> Self {
        let redeliveries_left = world.rng.usize(..4);
        Self { cases: BTreeMap::new(), table: Table::default(), next: [0; PARTITIONS], redeliveries_left }
    }

    /// Whether every redelivery that was said has been written.
    pub fn is_done(&self, world: &Surroundings) -> bool {
        let read = |p: usize| self.next[p] >= world.kafka.partitions[p].escalations.end();
        (0..PARTITIONS).all(read) && self.cases.values().all(|case| case.state() != State::Redelivering)
    }

    pub fn step(&mut self, world: &mut Surroundings) {
        self.read(world);
        self.table.read(world);
        let owed = |case: &Case| case.state() == State::Redelivering;
        let index = world.rng.usize(..self.cases.len().max(1));
        let any = self.cases.iter().nth(index).map(|(key, _)| *key);
        let Some(key) = self.cases.iter().find(|(_, case)| owed(case)).map(|(key, _)| *key).or(any) else {
            return;
        };
        let Some(case) = self.cases.get_mut(&key) else { return };
        match case.state() {
            State::Redelivering | State::Redelivered => redeliver(world, &self.table, key, case),
            State::Open | State::Dismissed if world.rng.u32(..3) == 0 => dismiss(world, key, case),
            State::Open | State::Dismissed if self.redeliveries_left > 0 => {
                self.redeliveries_left -= 1;
                // Two at once, who do not know of each other.
                for _ in 0..world.rng.u32(1..3) {
                    redeliver(world, &self.table, key, case);
                }
            }
            State::Open | State::Dismissed => {}
        }
    }

    /// Long after, one who stood still writes what was decided then. False: nobody did.
    pub fn repeat_long_after(&mut self, world: &mut Surroundings) -> bool {
        let kept = self.cases.iter_mut().filter(|(_, case)| case.written > 0 && case.kept.is_some());
        let Some((key, case)) = world.rng.choice(kept.collect::<Vec<_>>()) else { return false };
        let Some((pending, entry)) = case.kept.take() else { return false };
        world.count("redeliveries repeated long after");
        write(world, *key, case, pending, &entry);
        true
    }

    fn read(&mut self, world: &mut Surroundings) {
        for (partition, next) in self.next.iter_mut().enumerate() {
            let log = &world.kafka.partitions[partition].escalations;
            for (offset, stored) in log.iter_from(*next) {
                *next = offset + 1;
                let (key, escalation) = &stored.record;
                if let Some(delivery) = &escalation.delivery {
                    let delivery = delivery.clone();
                    self.cases.entry(*key).or_insert(Case {
                        partition,
                        delivery,
                        resolution: None,
                        written: 0,
                        kept: None,
                    });
                }
                if let (Some(case), Some(resolution)) = (self.cases.get_mut(key), &escalation.resolution)
                    && case.state().yields_to(resolution)
                {
                    case.resolution = Some(resolution.clone());
                }
            }
        }
    }
}

fn dismiss(world: &mut Surroundings, key: RunKey, case: &mut Case) {
    let decided = decide(escalated(key, case), Wish::Dismiss { why: "because" }, who(world));
    if let Ok(Decision::Resolve(record)) = decided {
        world.count("dismissals");
        world.write(case.partition, Write::Escalation(key, record));
    }
}

fn redeliver(world: &mut Surroundings, table: &Table, key: RunKey, case: &mut Case) {
    let subscription = table.states.get(&case.delivery.subscription_id).map(|(_, state)| state.as_ref());
    let wish = Wish::Redeliver { why: "because", delivery: &case.delivery, subscription };
    match decide(escalated(key, case), wish, who(world)) {
        Ok(Decision::Resolve(record)) => world.write(case.partition, Write::Escalation(key, record)),
        Ok(Decision::Send(pending, entry, sent)) => {
            write(world, key, case, pending, &entry);
            if world.rng.bool() {
                case.kept = Some((pending, entry));
            }
            // Or whoever does it dies in between, and somebody else finds it.
            if world.calm || world.rng.u32(..3) > 0 {
                world.write(case.partition, Write::Escalation(key, sent));
            }
        }
        Ok(Decision::AlreadySo) => {}
        Err(_) => world.count("redeliveries refused"),
    }
}

fn escalated(key: RunKey, case: &Case) -> Escalated<'_> {
    Escalated { key, resolution: case.resolution.as_ref() }
}

fn who(world: &mut Surroundings) -> Who<'static> {
    Who { actor: "somebody", now_ms: world.now_ms + world.rng.i64(-SKEW_MS..=SKEW_MS) }
}

fn write(
    world: &mut Surroundings,
    escalated: RunKey,
    case: &mut Case,
    key: PendingKey,
    entry: &PendingEntry,
) {
    world.count(if case.written == 0 { "redeliveries" } else { "redeliveries repeated" });
    if case.written == 0 {
        world.oracle.expect_again(escalated, key.run);
    }
    case.written += 1;
    if world.oracle.is_buried(key) {
        let held = world.kafka.partitions[case.partition].pending.holds(&key);
        world.count(if held {
            "redeliveries repeated after their tombstone"
        } else {
            "redeliveries repeated after their tombstone was compacted away"
        });
    }
    world.write(case.partition, Write::Pending(key, Some(entry.encode_to_vec().into()), None));
}
