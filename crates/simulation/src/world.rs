//! The world under one seed: a troubled while, then calm until everything has come to rest.

use crate::command_handler::CommandHandlers;
use crate::customers::Customers;
use crate::deliverer_process::DelivererProcess;
use crate::fanout::Fanout;
use crate::history::Histories;
use crate::limits::{DELIVERERS, HORIZON_MS, PARTITIONS, SCHEDULERS};
use crate::machine::Machine;
use crate::people::People;
use crate::repairs::Repairs;
use crate::scheduler_process::SchedulerProcess;
use crate::surroundings::Surroundings;
use std::collections::BTreeMap;
use std::fmt;

/// Steps after which a calm world counts as stuck.
const CALM_STEPS_MAX: u64 = 30_000;

/// Something that must hold did not.
#[derive(Clone, Debug)]
pub struct Violation {
    pub seed: u64,
    pub step: u64,
    pub what: String,
    /// The last lines of the trace.
    pub tail: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.tail {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "VIOLATION in seed {} at step {}: {}", self.seed, self.step, self.what)?;
        write!(f, "replay: cargo run -p aerogram-simulation -- --seed {} --trace", self.seed)
    }
}

/// What a world went through.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    pub steps: u64,
    pub sent: u64,
    /// Ended runs by kind, and how often other things worth covering came about.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Stats {
    pub fn add(&mut self, other: &Stats) {
        self.steps += other.steps;
        self.sent += other.sent;
        for (what, n) in &other.counts {
            *self.counts.entry(what).or_default() += n;
        }
    }
}

/// Lives through one seed; `print` writes the whole trace to the standard output.
///
/// # Errors
/// The first violation, with the tail of the trace.
pub fn run(seed: u64, print: bool) -> Result<Stats, Box<Violation>> {
    let first = World::new(seed, false, print).live();
    // The tail costs time, so it is kept only in a second life.
    first.or_else(|_| World::new(seed, true, false).live())
}

pub(crate) struct World {
    seed: u64,
    pub surroundings: Surroundings,
    pub deliverers: Vec<DelivererProcess>,
    pub schedulers: Vec<SchedulerProcess>,
    handlers: CommandHandlers,
    fanout: Fanout,
    customers: Customers,
    people: People,
    repairs: Repairs,
    histories: Histories,
}

impl World {
    fn new(seed: u64, tail: bool, print: bool) -> Self {
        let mut surroundings = Surroundings::new(seed, tail, print);
        let deliverers = (0..DELIVERERS)
            .map(|process| DelivererProcess::new(Machine::new(&mut surroundings, process, 'd')))
            .collect();
        let schedulers = (0..SCHEDULERS)
            .map(|process| SchedulerProcess::new(Machine::new(&mut surroundings, process, 's')))
            .collect();
        let fanout = Fanout::new(&mut surroundings);
        let customers = Customers::new(&mut surroundings);
        let people = People::new(&mut surroundings);
        let repairs = Repairs::new(&mut surroundings);
        let (handlers, histories) = (CommandHandlers::default(), Histories::default());
        Self {
            seed,
            surroundings,
            deliverers,
            schedulers,
            handlers,
            fanout,
            customers,
            people,
            repairs,
            histories,
        }
    }

    pub fn machine(&mut self, index: usize) -> &mut Machine {
        match index.checked_sub(self.deliverers.len()) {
            None => &mut self.deliverers[index].machine,
            Some(index) => &mut self.schedulers[index].machine,
        }
    }

    pub fn restart(&mut self, index: usize) {
        let world = &mut self.surroundings;
        let machine = match index.checked_sub(self.deliverers.len()) {
            None => &mut self.deliverers[index].machine,
            Some(index) => &mut self.schedulers[index].machine,
        };
        machine.start(world);
        world.trace(|| format!("RESTART {}", machine.name));
    }

    fn live(mut self) -> Result<Stats, Box<Violation>> {
        let rng = &mut self.surroundings.rng;
        self.surroundings.redis.keeps = rng.u32(..3) == 0;
        // Room for all payloads, mostly; for many, a few, none. What has to be read back takes its time, and a quick world
        // shows more.
        let room = [u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1 << 40, 400, 0];
        self.surroundings.redis.payload_bytes_max = rng.choice(room).unwrap_or(0);
        self.surroundings.leases.is_prompt = rng.bool();
        let steps = rng.u64(400..4_000);
        let faults_per_mille = rng.choice([10, 30, 60, 100]).unwrap_or(30);
        for _ in 0..steps {
            if self.surroundings.rng.u32(..12) == 0 {
                self.step_of_others();
            }
            if self.surroundings.rng.u32(..1_000) < faults_per_mille {
                self.fault();
            }
            self.step()?;
        }
        self.calm_down();
        self.come_to_rest()?;
        self.forget()?;
        let people = self.people.repeat_long_after(&mut self.surroundings);
        if self.repairs.repeat_long_after(&mut self.surroundings) || people {
            self.come_to_rest()?;
        }
        let world = &mut self.surroundings;
        let mut counts = std::mem::take(&mut world.counts);
        counts.extend(world.oracle.ends());
        Ok(Stats { steps: world.step, sent: world.oracle.sent, counts })
    }

    /// Somebody outside wants something.
    fn step_of_others(&mut self) {
        let world = &mut self.surroundings;
        match world.rng.u32(..20) {
            0..12 => self.fanout.step(world),
            12..16 => self.customers.step(world),
            16 => self.repairs.step(world, &self.histories),
            _ => self.people.step(world),
        }
    }

    /// Everything that is under way ends.
    fn come_to_rest(&mut self) -> Result<(), Box<Violation>> {
        let mut steps = 0;
        while !self.is_at_rest() {
            steps += 1;
            if steps > CALM_STEPS_MAX {
                let what = self.dump();
                self.surroundings.oracle.fail(|| format!("(1) stuck: {what}"));
            }
            if self.surroundings.rng.u32(..12) == 0 {
                if !self.fanout.is_done() {
                    self.step_of_others();
                } else if !self.people.is_done(&self.surroundings) {
                    self.people.step(&mut self.surroundings);
                }
            }
            self.step()?;
        }
        self.surroundings.oracle.finish();
        self.histories.finish(&mut self.surroundings);
        self.step()
    }

    /// The faults stop.
    fn calm_down(&mut self) {
        self.surroundings.trace(|| "CALM".into());
        self.surroundings.calm = true;
        self.surroundings.redis.down = false;
        self.surroundings.redis.relieve();
        for index in 0..DELIVERERS + SCHEDULERS {
            let machine = self.machine(index);
            machine.cut_off = false;
            machine.paused = false;
            if !machine.alive {
                self.restart(index);
            }
        }
    }

    /// Nothing is left to forget once the horizon has passed: memory and the next owner's fold stay bounded.
    fn forget(&mut self) -> Result<(), Box<Violation>> {
        for _ in 0..20 {
            self.surroundings.now_ms += HORIZON_MS / 8;
            for _ in 0..150 {
                self.step()?;
            }
        }
        for p in 0..PARTITIONS {
            let (_, metadata) = &self.surroundings.kafka.deliverers.committed[p];
            let end = self.surroundings.kafka.partitions[p].attempts.end();
            // Claims may follow the last line; lines may not follow M.
            let from = metadata.strip_prefix("m=").and_then(|m| m.split(';').next()?.parse::<i64>().ok());
            let log = &self.surroundings.kafka.partitions[p].attempts;
            let is_line = |record: &aerogram_wire::v1::AttemptsRecord| {
                matches!(record.body, Some(aerogram_wire::v1::attempts_record::Body::Batch(_)))
            };
            let left = log.iter_from(from.unwrap_or(0)).filter(|(_, stored)| is_line(&stored.record)).count();
            if left > 0 {
                let what =
                    format!("memory of p{p} is never forgotten: {metadata}, end {end}, {left} batches");
                self.surroundings.oracle.fail(|| what);
            }
        }
        self.step()
    }

    fn step(&mut self) -> Result<(), Box<Violation>> {
        self.surroundings.step += 1;
        self.let_time_pass();
        self.rebalance();
        let index = self.surroundings.rng.usize(..DELIVERERS + SCHEDULERS);
        match index.checked_sub(DELIVERERS) {
            None => self.deliverers[index].step(&mut self.surroundings),
            Some(index) => self.schedulers[index].step(&mut self.surroundings),
        }
        match self.surroundings.oracle.violation.take() {
            None => Ok(()),
            Some(what) => Err(Box::new(Violation {
                seed: self.seed,
                step: self.surroundings.step,
                what,
                tail: self.surroundings.tail(),
            })),
        }
    }

    fn let_time_pass(&mut self) {
        let world = &mut self.surroundings;
        if world.rng.u32(..3) == 0 {
            world.now_ms += world.rng.i64(0..1_000);
        }
        for process in self.deliverers.iter().filter(|process| process.machine.reaches_kafka()) {
            world.kafka.deliverers.heartbeat(process.machine.member(), world.now_ms);
        }
        for process in self.schedulers.iter().filter(|process| process.machine.reaches_kafka()) {
            world.kafka.schedulers.heartbeat(process.machine.member(), world.now_ms);
        }
        if world.rng.u32(..3) == 0 {
            world.append_late();
        }
        if world.rng.u32(..30) == 0 {
            let deleted = world.kafka.clean(&mut world.rng, world.now_ms);
            if deleted {
                world.count("results of commands deleted");
            }
        }
        self.handlers.step(world);
        if world.rng.u32(..8) == 0 {
            self.histories.step(world);
        }
    }

    /// The groups give partitions without a living owner to somebody.
    fn rebalance(&mut self) {
        let world = &mut self.surroundings;
        let p = world.rng.usize(..PARTITIONS);
        match world.rng.u32(..20) {
            0 if world.kafka.deliverers.wants_owner(p, world.now_ms) => {
                let able = self.deliverers.iter_mut().filter(|process| process.machine.reaches_kafka());
                if let Some(process) = world.rng.choice(able.collect::<Vec<_>>()) {
                    let generation = world.kafka.deliverers.assign(p, process.machine.member(), world.now_ms);
                    process.assign(world, p, generation);
                }
            }
            1 if world.kafka.schedulers.wants_owner(p, world.now_ms) => {
                let able = self.schedulers.iter_mut().filter(|process| process.machine.reaches_kafka());
                if let Some(process) = world.rng.choice(able.collect::<Vec<_>>()) {
                    let generation = world.kafka.schedulers.assign(p, process.machine.member(), world.now_ms);
                    process.assign(world, p, generation);
                }
            }
            _ => {}
        }
    }

    fn is_at_rest(&self) -> bool {
        let world = &self.surroundings;
        self.fanout.is_done()
            && world.kafka.late.is_empty()
            && self.handlers.is_idle(world)
            && self.people.is_done(world)
            && self.deliverers.iter().all(DelivererProcess::is_idle)
            && self.schedulers.iter().all(SchedulerProcess::is_idle)
            && (0..PARTITIONS).all(|p| {
                let logs = &world.kafka.partitions[p];
                world.kafka.deliverers.committed[p].0 >= logs.deliveries.end()
                    && logs.pending.live().is_empty()
                    && world.redis.is_empty(p)
            })
    }

    fn dump(&self) -> String {
        let world = &self.surroundings;
        let mut text = format!("unfinished {:?}, {} late", world.oracle.unfinished(), world.kafka.late.len());
        for p in 0..PARTITIONS {
            let logs = &world.kafka.partitions[p];
            let (committed, metadata) = &world.kafka.deliverers.committed[p];
            let live = logs.pending.live();
            let live = live.iter().map(|k| (k.run.delivery_id[15], k.run.run, k.seq)).collect::<Vec<_>>();
            text += &format!(
                "\n  p{p}: committed {committed} ({metadata}) of {}, live pending {live:?}, store {}",
                logs.deliveries.end(),
                world.redis.entries(p),
            );
        }
        for process in &self.deliverers {
            text += &format!("\n  {}", process.describe());
        }
        text
    }
}
