//! What becomes of some deliveries, as the log tells it in three topics of two partitions.

use std::collections::BTreeMap;

use aerogram_domain::history::{Claims, shorten};
use aerogram_projection::{Batch, Change, Issued};
use aerogram_wire::Topic;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{
    Attempt, Delivery, Event, Line, LineKind, PendingEntry, PendingKind, Position, Scope,
};

pub const TOPICS: [Topic; 3] = [Topic::Deliveries, Topic::Attempts, Topic::Pending];
pub const PARTITIONS: i32 = 2;

/// What stands at an offset.
#[derive(Clone, Debug)]
enum Entry {
    Delivery(Box<Delivery>),
    Pending(PendingKey, Option<Box<PendingEntry>>),
    Claim(u64),
    Line(i64, Box<Line>),
}

/// A run on its way.
#[derive(Clone)]
struct Run {
    record: Delivery,
    /// It stands in `pending`, and is to be fired next.
    waits: bool,
    ended: bool,
}

#[derive(Default)]
pub struct World {
    logs: BTreeMap<(Topic, i32), Vec<(i64, Entry)>>,
    now_ms: i64,
}

/// Runs there are: those with an odd number are redeliveries, which begin in `pending`.
const RUNS: u8 = 6;

impl World {
    /// Lets happen what these numbers say.
    pub fn of(actions: &[(u8, u8)]) -> Self {
        let mut world = Self { now_ms: 10_000, ..Self::default() };
        let mut epochs: Vec<Vec<i64>> =
            (0..PARTITIONS).map(|partition| vec![world.claim(partition)]).collect();
        let mut runs: Vec<Run> = (0..RUNS).map(|number| world.begin(number)).collect();
        for (which, action) in actions {
            world.now_ms += 10;
            let run = &mut runs[usize::from(which % RUNS)];
            let partition = i32::from(which % RUNS) % PARTITIONS;
            let epochs = &mut epochs[partition as usize];
            let (oldest, newest) = (epochs[0], epochs[epochs.len() - 1]);
            match action % 12 {
                0 => epochs.push(world.claim(partition)),
                // Void, unless nobody has claimed since.
                1 if oldest < newest => world.line(partition, oldest, run, LineKind::Delivered, false),
                2 => {
                    world.append(Topic::Deliveries, partition, Entry::Delivery(Box::new(run.record.clone())));
                }
                _ if run.ended => {}
                _ if run.waits => {
                    run.waits = false;
                    run.record.from_pending = true;
                    world.append(Topic::Deliveries, partition, Entry::Delivery(Box::new(run.record.clone())));
                }
                3 => world.line(partition, newest, run, LineKind::Delivered, true),
                4 => world.line(partition, newest, run, LineKind::Cancelled, true),
                5 => world.line(partition, newest, run, LineKind::Escalated, true),
                6 | 7 => world.line(partition, newest, run, LineKind::Parked, true),
                8 | 9 => world.line(partition, newest, run, LineKind::Failed, true),
                _ => world.line(partition, newest, run, LineKind::Retry, true),
            }
        }
        world
    }

    fn append(&mut self, topic: Topic, partition: i32, entry: Entry) {
        self.logs.entry((topic, partition)).or_default().push((self.now_ms, entry));
    }

    fn claim(&mut self, partition: i32) -> i64 {
        let offset = self.len(Topic::Attempts, partition);
        self.append(Topic::Attempts, partition, Entry::Claim(offset as u64 + 5));
        offset
    }

    fn begin(&mut self, number: u8) -> Run {
        let is_redelivery = !number.is_multiple_of(2);
        let event =
            Event { id: format!("e-{number}"), r#type: "T".into(), subject: "S".into(), ..Event::default() };
        let record = Delivery {
            schema: 1,
            delivery_id: vec![number; 16].into(),
            run: u64::from(is_redelivery),
            subscription_id: format!("s-{number}"),
            scope: Some(Scope { partner: "app-1".into(), operator: "acme".into() }),
            event: Some(event),
            event_position: Some(Position { partition: 0, offset: number.into() }),
            accepted_at_ms: 1_000,
            issued_at_ms: if is_redelivery { self.now_ms } else { 0 },
            ..Delivery::default()
        };
        let partition = i32::from(number) % PARTITIONS;
        if is_redelivery {
            let kind = PendingKind::Parked;
            let entry =
                PendingEntry { kind: kind.into(), delivery: Some(record.clone()), ..PendingEntry::default() };
            self.append(Topic::Pending, partition, Entry::Pending(key(&record), Some(Box::new(entry))));
        } else {
            self.append(Topic::Deliveries, partition, Entry::Delivery(Box::new(record.clone())));
        }
        Run { record, waits: is_redelivery, ended: false }
    }

    /// A line about the run's record, and if it counts what follows from it.
    fn line(&mut self, partition: i32, epoch: i64, run: &mut Run, kind: LineKind, counts: bool) {
        let tried = !matches!(kind, LineKind::Parked | LineKind::Cancelled);
        let number = run.record.attempts_made + u32::from(tried);
        let attempt = Attempt {
            number,
            started_at_ms: self.now_ms,
            excerpt: format!("at {}", self.now_ms),
            ..Attempt::default()
        };
        let line = Line {
            delivery_id: run.record.delivery_id.clone(),
            run: run.record.run,
            seq: run.record.seq,
            kind: kind.into(),
            attempt: tried.then_some(attempt),
            due_at_ms: self.now_ms + 5_000,
            attempts_made: number,
            ..Line::default()
        };
        self.append(Topic::Attempts, partition, Entry::Line(epoch, Box::new(line.clone())));
        if !counts {
            return;
        }
        let left = key(&run.record);
        run.record.attempts_made = number;
        run.record.history.extend(line.attempt);
        shorten(&mut run.record.history);
        match kind {
            LineKind::Failed => return,
            LineKind::Retry | LineKind::Parked => {
                let waits = if kind == LineKind::Parked { PendingKind::Parked } else { PendingKind::Retry };
                run.record.seq += 1;
                run.waits = true;
                let delivery = Delivery { from_pending: false, ..run.record.clone() };
                let due_at_ms = line.due_at_ms;
                let entry = PendingEntry {
                    kind: waits.into(),
                    due_at_ms,
                    delivery: Some(delivery),
                    ..PendingEntry::default()
                };
                self.append(
                    Topic::Pending,
                    partition,
                    Entry::Pending(key(&run.record), Some(Box::new(entry))),
                );
            }
            _ => run.ended = true,
        }
        if run.record.from_pending {
            self.append(Topic::Pending, partition, Entry::Pending(left, None));
        }
    }

    pub fn len(&self, topic: Topic, partition: i32) -> i64 {
        self.logs.get(&(topic, partition)).map_or(0, |log| log.len() as i64)
    }

    /// What whoever follows makes of the next entries of a partition.
    pub fn batch(&self, topic: Topic, partition: i32, from: i64, claims: Claims, at_most: usize) -> Batch {
        let mut batch = Batch { claims, ..Batch::new(topic, partition, from) };
        let log = self.logs.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        for (at_ms, entry) in log.iter().skip(from as usize).take(at_most) {
            match entry {
                Entry::Delivery(delivery) => {
                    let issued = Issued::of_delivery(delivery, *at_ms).unwrap();
                    batch.changes.push(Change::Issued(Box::new(issued)));
                }
                Entry::Pending(_, Some(entry)) => {
                    let issued = Issued::of_entry(entry, *at_ms).unwrap();
                    batch.changes.push(Change::Issued(Box::new(issued)));
                }
                Entry::Pending(key, None) => {
                    batch.changes.push(Change::LeftPending { key: *key, appended_at_ms: *at_ms });
                }
                Entry::Claim(nonce) => batch.claims.claim(batch.next_offset, *nonce),
                Entry::Line(epoch, line) => {
                    if batch.claims.admits(*epoch) {
                        let key = RunKey::new(&line.delivery_id, line.run).unwrap();
                        batch.changes.push(Change::Line { key, line: line.clone(), appended_at_ms: *at_ms });
                    }
                }
            }
            batch.next_offset += 1;
        }
        batch
    }
}

fn key(record: &Delivery) -> PendingKey {
    PendingKey { run: RunKey::new(&record.delivery_id, record.run).unwrap(), seq: record.seq }
}
