//! People who send again what has ended, however it ended, and who try what a receiver does with a test event.
//!
//! What is to be sent again follows from the wish: its run, and since when it is due. So whoever carries the wish out may do
//! it again, also long after: when that was interrupted nobody knows how far it came.

use crate::history::Histories;
use crate::kafka::Write;
use crate::limits::{PARTITIONS, SKEW_MS};
use crate::oracle::key_of;
use crate::surroundings::Surroundings;
use crate::table::Table;
use aerogram_domain::history::Status;
use aerogram_domain::repair::{
    Candidate, Choice, KnownRun, TaskId, choose, first_record, no_receiver, test_delivery,
};
use aerogram_wire::Message as _;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Event, PendingEntry, PendingKind};
use bytes::Bytes;

struct Wish {
    partition: usize,
    key: PendingKey,
    entry: Bytes,
    written: u32,
}

pub struct Repairs {
    /// What they see of `subscriptions`.
    table: Table,
    wishes: Vec<Wish>,
    redeliveries_left: usize,
    tests_left: usize,
}

impl Repairs {
    pub fn new(world: &mut Surroundings) -> Self {
        let (redeliveries_left, tests_left) = (world.rng.usize(..5), world.rng.usize(..3));
        Self { table: Table::default(), wishes: Vec::new(), redeliveries_left, tests_left }
    }

    pub fn step(&mut self, world: &mut Surroundings, histories: &Histories) {
        match world.rng.u32(..4) {
            0 if self.redeliveries_left > 0 => self.redeliver(world, histories),
            1 if self.tests_left > 0 => self.test(world),
            2 => self.repeat(world),
            _ => self.table.read(world),
        }
    }

    /// Long after, somebody who stood still goes on, or a process that takes the work over. False: there was none.
    pub fn repeat_long_after(&mut self, world: &mut Surroundings) -> bool {
        if self.wishes.is_empty() || world.rng.bool() {
            return false;
        }
        world.count("wishes repeated long after");
        self.repeat(world);
        true
    }

    fn redeliver(&mut self, world: &mut Surroundings, histories: &Histories) {
        let Some(of) = histories.any_ended(&mut world.rng) else { return };
        let record = (0..PARTITIONS).find_map(|p| {
            let mut deliveries = world.kafka.partitions[p].deliveries.iter_from(0);
            let (_, stored) = deliveries.find(|(_, stored)| key_of(&stored.record) == of)?;
            Some((p, stored.record.clone()))
        });
        let Some((partition, record)) = record.filter(|(_, record)| !record.once) else { return };
        let subscription = self.table.states.get(&record.subscription_id).map(|(_, state)| state.as_ref());
        let task: TaskId = u128::from(world.fresh_id()).to_be_bytes();
        let now_ms = now_ms(world);
        // The latest run of its delivery, and long over.
        let run = KnownRun { key: of, issued_at_ms: 0, status: Status::Delivered };
        let candidate =
            Candidate { run, ended: true, changed_at_ms: 0, escalation: None, runs: &[run], subscription };
        let Choice::Send(key) = choose(&task, candidate, now_ms) else { return };
        self.redeliveries_left -= 1;
        let kind = if world.rng.bool() { PendingKind::Parked } else { PendingKind::Retry };
        world.count("ended runs sent again");
        world.oracle.expect_again(of, key);
        self.wish(world, partition, first_record(key, &record, now_ms, kind));
    }

    fn test(&mut self, world: &mut Surroundings) {
        let Some((_, (partition, state))) = world.rng.choice(&self.table.states) else { return };
        let (partition, now_ms) = (*partition, now_ms(world));
        if no_receiver(Some(state), now_ms).is_some() {
            return;
        }
        self.tests_left -= 1;
        // Apart from the ids of other deliveries, which count from 1 too.
        let id = (u128::from(world.fresh_id()) | 1 << 101).to_be_bytes();
        let wish = test_delivery(id, Event::default(), state, self.table.position(partition), now_ms);
        world.count("test events");
        world.oracle.expect(partition, wish.0.run, state);
        self.wish(world, partition, wish);
    }

    fn wish(&mut self, world: &mut Surroundings, partition: usize, (key, entry): (PendingKey, PendingEntry)) {
        self.wishes.push(Wish { partition, key, entry: entry.encode_to_vec().into(), written: 0 });
        let last = self.wishes.len() - 1;
        self.write(world, last);
    }

    fn repeat(&mut self, world: &mut Surroundings) {
        if !self.wishes.is_empty() {
            let index = world.rng.usize(..self.wishes.len());
            self.write(world, index);
        }
    }

    fn write(&mut self, world: &mut Surroundings, index: usize) {
        let wish = &mut self.wishes[index];
        if wish.written > 0 && world.oracle.is_buried(wish.key) {
            world.count("wishes repeated after their tombstone");
        }
        wish.written += 1;
        world.write(wish.partition, Write::Pending(wish.key, Some(wish.entry.clone()), None));
    }
}

/// By the clock of an api process.
fn now_ms(world: &mut Surroundings) -> i64 {
    world.now_ms + world.rng.i64(-SKEW_MS..=SKEW_MS)
}
