//! People who look after escalations: they redeliver, more than one of them at once and more than once, or dismiss.
//!
//! A redelivery is said in `escalations` first. Its entry in `pending` follows from the first such record of the run, and
//! may be written any number of times: the new run and its due time are the same each time. Were the due time that of the
//! repetition, a deliverer that has forgotten the new run would take it for one that nobody can have heard of.

use crate::kafka::Write;
use crate::limits::{PARTITIONS, SKEW_MS};
use crate::surroundings::Surroundings;
use aerogram_domain::escalations::redelivery_run;
use aerogram_domain::sabotage::{Rule, removed};
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, Escalation, PendingEntry, PendingKind, Resolution, ResolutionKind};
use aerogram_wire::{Message as _, SCHEMA};
use std::collections::BTreeMap;

struct Case {
    partition: usize,
    delivery: Delivery,
    /// As the first record says.
    redelivered_at_ms: Option<i64>,
    /// How often the entry was written.
    written: u32,
}

pub struct People {
    cases: BTreeMap<RunKey, Case>,
    next: [i64; PARTITIONS],
    redeliveries_left: usize,
}

impl People {
    pub fn new(world: &mut Surroundings) -> Self {
        let redeliveries_left = world.rng.usize(..4);
        Self { cases: BTreeMap::new(), next: [0; PARTITIONS], redeliveries_left }
    }

    /// Whether every redelivery that was said has been written.
    pub fn is_done(&self, world: &Surroundings) -> bool {
        let read = |p: usize| self.next[p] >= world.kafka.partitions[p].escalations.end();
        (0..PARTITIONS).all(read)
            && self.cases.values().all(|case| case.redelivered_at_ms.is_none() || case.written > 0)
    }

    pub fn step(&mut self, world: &mut Surroundings) {
        self.read(world);
        let owed = |case: &Case| case.redelivered_at_ms.is_some() && case.written == 0;
        let index = world.rng.usize(..self.cases.len().max(1));
        let any = self.cases.iter().nth(index).map(|(key, _)| *key);
        let Some(key) = self.cases.iter().find(|(_, case)| owed(case)).map(|(key, _)| *key).or(any) else {
            return;
        };
        let Some(case) = self.cases.get_mut(&key) else { return };
        match case.redelivered_at_ms {
            Some(at_ms) if case.written == 0 || world.rng.u32(..3) == 0 => write(world, key, case, at_ms),
            Some(_) => {}
            None if world.rng.u32(..3) == 0 => {
                world.count("dismissals");
                resolve(world, key, case, ResolutionKind::Dismissed);
            }
            None if self.redeliveries_left > 0 => {
                self.redeliveries_left -= 1;
                // Two at once, who do not know of each other.
                for _ in 0..world.rng.u32(1..3) {
                    resolve(world, key, case, ResolutionKind::Redelivered);
                }
            }
            None => {}
        }
    }

    /// Long after, somebody asks for the same redelivery again. False: there was none.
    pub fn repeat_long_after(&mut self, world: &mut Surroundings) -> bool {
        let written = self.cases.iter_mut().filter(|(_, case)| case.written > 0);
        let Some((key, case)) = world.rng.choice(written.collect::<Vec<_>>()) else { return false };
        let Some(at_ms) = case.redelivered_at_ms else { return false };
        world.count("redeliveries repeated long after");
        write(world, *key, case, at_ms);
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
                        redelivered_at_ms: None,
                        written: 0,
                    });
                }
                let redelivery = escalation
                    .resolution
                    .as_ref()
                    .filter(|resolution| resolution.kind() == ResolutionKind::Redelivered);
                if let (Some(case), Some(redelivery)) = (self.cases.get_mut(key), redelivery) {
                    case.redelivered_at_ms.get_or_insert(redelivery.at_ms);
                }
            }
        }
    }
}

fn resolve(world: &mut Surroundings, key: RunKey, case: &Case, kind: ResolutionKind) {
    let at_ms = world.now_ms + world.rng.i64(-SKEW_MS..=SKEW_MS);
    let run = if kind == ResolutionKind::Redelivered { redelivery_run(key) } else { 0 };
    let resolution =
        Resolution { kind: kind.into(), actor: "somebody".into(), at_ms, why: "because".into(), run };
    let record = Escalation { schema: SCHEMA, resolution: Some(resolution), ..Escalation::default() };
    world.write(case.partition, Write::Escalation(key, Box::new(record)));
}

fn write(world: &mut Surroundings, escalated: RunKey, case: &mut Case, at_ms: i64) {
    let key = RunKey { run: redelivery_run(escalated), ..escalated };
    let due_at_ms = if removed(Rule::RedeliveryTime) { world.now_ms } else { at_ms };
    let delivery = Delivery {
        run: key.run,
        seq: 0,
        attempts_made: 0,
        due_at_ms,
        from_pending: false,
        by_credit: false,
        history: Vec::new(),
        ..case.delivery.clone()
    };
    world.count(if case.written == 0 { "redeliveries" } else { "redeliveries repeated" });
    if case.written == 0 {
        world.oracle.expect_again(escalated, key);
    }
    case.written += 1;
    let key = PendingKey { run: key, seq: 0 };
    if world.oracle.is_buried(key) {
        let held = world.kafka.partitions[case.partition].pending.holds(&key);
        world.count(if held {
            "redeliveries repeated after their tombstone"
        } else {
            "redeliveries repeated after their tombstone was compacted away"
        });
    }
    let mut entry = PendingEntry { schema: SCHEMA, due_at_ms, ..PendingEntry::default() };
    entry.set_kind(PendingKind::Retry);
    entry.delivery = Some(delivery);
    world.write(case.partition, Write::Pending(key, Some(entry.encode_to_vec().into()), None));
}
