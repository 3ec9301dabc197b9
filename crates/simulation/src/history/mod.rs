//! What api instances make of the log: each reads it in an order of its own, and some die and go on from what they stored.
//! Whoever has read to the end knows of every run what the oracle knows.

mod standing;

use crate::limits::PARTITIONS;
use crate::oracle::key_of;
use crate::surroundings::Surroundings;
use aerogram_domain::history::{Claims, Progress, Record, Stage, Status};
use aerogram_wire::Message as _;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{Attempt, Delivery, PendingEntry};
use std::collections::BTreeMap;

/// Records that are read together.
const BATCH_MAX: usize = 20;

#[derive(Clone, Copy)]
enum Source {
    Deliveries,
    Attempts,
    Pending,
}

const SOURCES: [Source; 3] = [Source::Deliveries, Source::Attempts, Source::Pending];

/// Rows and positions, which change together.
#[derive(Clone, Default)]
struct History {
    runs: BTreeMap<RunKey, Progress>,
    claims: [Claims; PARTITIONS],
    next: [[i64; SOURCES.len()]; PARTITIONS],
}

/// One instance.
#[derive(Default)]
struct Reader {
    history: History,
    stored: History,
    /// Of what it has read, nothing is stored.
    is_stored: bool,
}

#[derive(Default)]
pub struct Histories {
    /// One that lives as long as the world...
    steady: Reader,
    /// ...and one that dies now and then.
    dying: Reader,
}

impl Histories {
    /// One of the instances reads on, stores what it knows, dies, or has to tell it.
    pub fn step(&mut self, world: &mut Surroundings) {
        let dies = world.rng.bool();
        let reader = if dies { &mut self.dying } else { &mut self.steady };
        match world.rng.u32(..100) {
            0 => {
                reader.history.catch_up(world);
                reader.history.tell(world);
            }
            1..4 if dies => reader.restart(world),
            4..20 if dies => reader.store(),
            _ => reader.history.read_some(world),
        }
    }

    /// A run that has ended, as the one knows that never dies.
    pub fn any_ended(&self, rng: &mut fastrand::Rng) -> Option<RunKey> {
        let runs = self.steady.history.runs.iter().filter(|(_, progress)| progress.has_ended());
        rng.choice(runs.collect::<Vec<_>>()).map(|(key, _)| *key)
    }

    /// Everything is at rest: whoever reads to the end tells the same, also one that begins now.
    pub fn finish(&mut self, world: &mut Surroundings) {
        let mut late = Reader::default();
        for reader in [&mut self.steady, &mut self.dying, &mut late] {
            reader.history.catch_up(world);
            reader.history.tell(world);
        }
        for (name, other) in [("died", &self.dying), ("began late", &late)] {
            let differs = self.steady.history.differs_from(&other.history);
            if let Some((key, progress)) = differs {
                let theirs = other.history.runs.get(&key);
                world.oracle.fail(|| {
                    format!("(s) one that {name} tells otherwise of {key:?}: {theirs:?} and not {progress:?}")
                });
            }
        }
    }
}

impl Reader {
    fn store(&mut self) {
        self.stored = self.history.clone();
        self.is_stored = true;
    }

    fn restart(&mut self, world: &mut Surroundings) {
        world.count(if self.is_stored { "histories restarted" } else { "histories rebuilt" });
        self.history = self.stored.clone();
        self.history.runs.values_mut().for_each(|progress| *progress = reloaded(progress));
    }
}

/// As it comes out of a table.
fn reloaded(progress: &Progress) -> Progress {
    Progress {
        stage: Stage::from_number(progress.stage.number()),
        status: Status::parse(progress.status.name()).unwrap_or_default(),
        ..progress.clone()
    }
}

impl History {
    fn catch_up(&mut self, world: &mut Surroundings) {
        while !self.is_at_end(world) {
            self.read_some(world);
        }
    }

    fn read_some(&mut self, world: &mut Surroundings) {
        let (p, source) = (world.rng.usize(..PARTITIONS), world.rng.usize(..SOURCES.len()));
        let most = world.rng.usize(1..=BATCH_MAX);
        for _ in 0..most {
            let next = self.next[p][source];
            let read = match SOURCES[source] {
                Source::Deliveries => self.read_deliveries(world, p, next),
                Source::Attempts => self.read_attempts(world, p, next),
                Source::Pending => self.read_pending(world, p, next),
            };
            // What compaction removed at the end is passed too.
            let Some(after) = read else { return self.next[p][source] = end(world, p, SOURCES[source]) };
            self.next[p][source] = after;
        }
    }

    fn read_deliveries(&mut self, world: &Surroundings, p: usize, next: i64) -> Option<i64> {
        let stored = world.kafka.partitions[p].deliveries.get(next)?;
        let delivery = &stored.record;
        let run = self.runs.entry(key_of(delivery)).or_default();
        run.record(&record(delivery, stored.appended_ms));
        Some(next + 1)
    }

    fn read_pending(&mut self, world: &mut Surroundings, p: usize, next: i64) -> Option<i64> {
        let stored = world.kafka.partitions[p].pending.next_from(next)?;
        let run = self.runs.entry(stored.key.run).or_default();
        match stored.value.clone().map(PendingEntry::decode) {
            None => run.left_pending(stored.key.seq, stored.appended_ms),
            Some(Ok(entry)) => {
                let delivery = entry.delivery.as_ref()?;
                let waits = Some(entry.kind());
                run.record(&Record {
                    waits,
                    due_at_ms: entry.due_at_ms,
                    ..record(delivery, stored.appended_ms)
                });
            }
            Some(Err(error)) => world.oracle.fail(|| format!("(s) {error}")),
        }
        Some(stored.offset + 1)
    }

    fn read_attempts(&mut self, world: &Surroundings, p: usize, next: i64) -> Option<i64> {
        let stored = world.kafka.partitions[p].attempts.get(next)?;
        match &stored.record.body {
            Some(Body::Claim(claim)) => self.claims[p].claim(next, claim.nonce),
            Some(Body::Batch(batch)) if self.claims[p].admits(batch.epoch) => {
                for line in &batch.lines {
                    if let Some(key) = RunKey::new(&line.delivery_id, line.run) {
                        self.runs.entry(key).or_default().apply(line, stored.appended_ms);
                    }
                }
            }
            Some(Body::Batch(_)) | None => {}
        }
        Some(next + 1)
    }

    fn is_at_end(&self, world: &Surroundings) -> bool {
        (0..PARTITIONS).all(|p| {
            (0..).zip(SOURCES).all(|(at, source): (usize, Source)| self.next[p][at] >= end(world, p, source))
        })
    }

    /// A run of which another tells otherwise, or nothing.
    fn differs_from(&self, other: &Self) -> Option<(RunKey, Progress)> {
        let different = |key: &&RunKey| self.runs.get(key) != other.runs.get(key);
        let key = self.runs.keys().chain(other.runs.keys()).find(different)?;
        Some((*key, self.runs.get(key).cloned().unwrap_or_default()))
    }
}

fn end(world: &Surroundings, p: usize, source: Source) -> i64 {
    let logs = &world.kafka.partitions[p];
    match source {
        Source::Deliveries => logs.deliveries.end(),
        Source::Attempts => logs.attempts.end(),
        Source::Pending => logs.pending.end(),
    }
}

/// What a record says of its run.
fn record(delivery: &Delivery, appended_ms: i64) -> Record {
    let is_first = delivery.seq == 0 && !delivery.from_pending;
    let issued_ms = if delivery.issued_at_ms == 0 { delivery.accepted_at_ms } else { delivery.issued_at_ms };
    Record {
        seq: delivery.seq,
        waits: None,
        due_at_ms: 0,
        attempts_made: delivery.attempts_made,
        history: delivery.history.clone(),
        since_ms: if is_first { issued_ms } else { appended_ms },
    }
}

/// In the order of their numbers, however the clocks of deliverers differ.
fn in_order(mut attempts: Vec<Attempt>) -> Vec<Attempt> {
    attempts.sort_by_key(|attempt| (attempt.number, attempt.started_at_ms));
    attempts
}
