//! Everything around the processes: true time, randomness, Kafka, Redis, receivers, and the oracle that watches.

use crate::kafka::{Kafka, Late, Write};
use crate::leases::Leases;
use crate::limits::{BEGINNING_MS, LATE_WRITE_MS};
use crate::oracle::Oracle;
use crate::receivers::{Receivers, installation, policies};
use crate::redis::Redis;
use aerogram_domain::deliverer::FailingConfig;
use aerogram_domain::limits::Installation;
use aerogram_domain::policy::Policies;
use aerogram_wire::v1::{AttemptsRecord, LineKind};
use std::collections::VecDeque;
use std::sync::Arc;

/// Lines of the trace that a violation shows.
const TAIL: usize = 60;

pub struct Surroundings {
    /// True time, which is also the brokers'.
    pub now_ms: i64,
    pub rng: fastrand::Rng,
    pub kafka: Kafka,
    pub redis: Redis,
    pub leases: Leases,
    pub receivers: Receivers,
    pub oracle: Oracle,
    pub policies: Arc<Policies>,
    pub installation: Arc<Installation>,
    /// When receivers that fail are given up in this world: soon, or never.
    pub failing: FailingConfig,
    /// The faults have stopped.
    pub calm: bool,
    pub step: u64,
    next_id: u64,
    tail: Option<VecDeque<String>>,
    print: bool,
    /// How often something worth covering came about.
    pub counts: std::collections::BTreeMap<&'static str, u64>,
}

impl Surroundings {
    /// `tail`: keep the last lines of the trace; `print`: write all of it to the standard output.
    pub fn new(seed: u64, tail: bool, print: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let failing = FailingConfig {
            noted_after_ms: rng.choice([1_000, 3_000]).unwrap_or(3_000),
            give_up_after_ms: rng.choice([0, 0, 4_000, 20_000, 60_000]).unwrap_or(0),
            remembered_max: 2,
        };
        Self {
            now_ms: BEGINNING_MS,
            rng,
            failing,
            kafka: Kafka::default(),
            redis: Redis::default(),
            leases: Leases::of(seed % 2 == 1),
            receivers: Receivers::default(),
            oracle: Oracle::default(),
            policies: policies(),
            installation: installation(),
            calm: false,
            step: 0,
            next_id: 0,
            tail: tail.then(VecDeque::new),
            print,
            counts: std::collections::BTreeMap::new(),
        }
    }

    /// A number nobody has had.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn trace(&mut self, line: impl FnOnce() -> String) {
        if !self.print && self.tail.is_none() {
            return;
        }
        let line = format!("{:>6} {:>9} {}", self.step, self.now_ms - BEGINNING_MS, line());
        if self.print {
            println!("{line}");
        }
        if let Some(tail) = &mut self.tail {
            tail.push_back(line);
            if tail.len() > TAIL {
                tail.pop_front();
            }
        }
    }

    pub fn tail(&mut self) -> Vec<String> {
        self.tail.take().unwrap_or_default().into()
    }

    /// A crash between two actions of a process?
    pub fn crashes_here(&mut self) -> bool {
        !self.calm && self.rng.u32(..3_000) == 0
    }

    /// A record reaches its log.
    pub fn append(&mut self, partition: usize, write: Write) {
        self.trace(|| format!("  append p{partition} {}", describe(&write)));
        let now_ms = self.now_ms;
        let logs = &mut self.kafka.partitions[partition];
        match write {
            Write::Attempts(record) => {
                *self.counts.entry("parked").or_default() += parked(&record);
                self.oracle.attempts(partition, logs.attempts.end(), &record, now_ms);
                logs.attempts.append(now_ms, record);
            }
            Write::Pending(key, value, ended) => {
                self.oracle.pending_appended(now_ms, key, value.is_some());
                logs.pending.append(now_ms, key, value, ended);
            }
            Write::Deliveries(delivery) => {
                if delivery.by_credit {
                    *self.counts.entry("fired by credit").or_default() += 1;
                }
                self.oracle.delivery_appended(now_ms, &delivery);
                logs.deliveries.append(now_ms, delivery);
            }
            Write::Escalation(key, escalation) => {
                self.oracle.escalation_appended(partition, key, &escalation);
                logs.escalations.append(now_ms, (key, *escalation));
            }
            Write::Command(asked) => {
                self.oracle.command_appended(&asked);
                logs.commands.append(now_ms, *asked);
            }
        }
    }

    /// A client writes: now, or it takes a while. What a client writes twice may come in any order.
    pub fn write(&mut self, partition: usize, write: Write) {
        if !self.calm && self.rng.u32(..6) == 0 {
            let at_ms = self.now_ms + self.rng.i64(0..LATE_WRITE_MS);
            self.kafka.late.push(Late { at_ms, partition, write });
        } else {
            self.append(partition, write);
        }
    }

    /// All late writes, at once.
    pub fn append_all_late(&mut self) {
        let mut late = std::mem::take(&mut self.kafka.late);
        late.sort_by_key(|late| late.at_ms);
        late.into_iter().for_each(|late| self.append(late.partition, late.write));
    }

    /// The earliest write that is late enough, if any, is appended.
    pub fn append_late(&mut self) {
        let late = self.kafka.late.iter().enumerate().min_by_key(|(_, late)| late.at_ms);
        if let Some((index, late)) = late
            && late.at_ms <= self.now_ms
        {
            let late = self.kafka.late.remove(index);
            self.trace(|| "  late:".into());
            self.append(late.partition, late.write);
        }
    }
}

fn parked(record: &AttemptsRecord) -> u64 {
    use aerogram_wire::v1::attempts_record::Body;
    let Some(Body::Batch(batch)) = &record.body else { return 0 };
    batch.lines.iter().filter(|line| line.kind() == LineKind::Parked).count() as u64
}

fn describe(write: &Write) -> String {
    use aerogram_wire::v1::attempts_record::Body;
    let id = |id: &[u8]| id.last().copied().unwrap_or_default();
    match write {
        Write::Attempts(record) => match &record.body {
            Some(Body::Claim(claim)) => format!("claim of {} nonce {}", claim.owner, claim.nonce),
            Some(Body::Batch(batch)) => {
                let lines = batch.lines.iter().map(|line| {
                    let number = line.attempt.as_ref().map_or(0, |a| a.number);
                    format!(
                        "{}/{} seq {} {:?} #{number}",
                        id(&line.delivery_id),
                        line.run,
                        line.seq,
                        line.kind()
                    )
                });
                format!("lines under {}: {}", batch.epoch, lines.collect::<Vec<_>>().join(", "))
            }
            None => "an empty record of attempts".into(),
        },
        Write::Pending(key, value, _) => {
            let what = if value.is_some() { "pending" } else { "tombstone" };
            format!("{what} {}/{} seq {}", id(&key.run.delivery_id), key.run.run, key.seq)
        }
        Write::Deliveries(d) => format!("delivery {}/{} seq {}", id(&d.delivery_id), d.run, d.seq),
        Write::Escalation(key, e) if e.delivery.is_none() => {
            format!("resolution {}/{}", id(&key.delivery_id), key.run)
        }
        Write::Escalation(key, e) => {
            format!("escalation {}/{} {:?}", id(&key.delivery_id), key.run, e.reason())
        }
        Write::Command(asked) => {
            let what = format!("{:?}", asked.command.change);
            let what = what.split(['(', ')']).nth(1).unwrap_or_default();
            format!("command {what} {:x} to {}", u128::from_be_bytes(asked.command_id), asked.subscription_id)
        }
    }
}
