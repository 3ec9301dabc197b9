//! What every process has: a life, clocks, and the ways it may fail.

use crate::group::Member;
use crate::limits::SKEW_MS;
use crate::surroundings::Surroundings;
use aerogram_domain::clock::Now;

pub struct Machine {
    pub process: usize,
    pub name: String,
    /// Counts the starts.
    pub life: u64,
    pub alive: bool,
    /// No way to Kafka; HTTP and Redis work.
    pub cut_off: bool,
    pub paused: bool,
    skew_ms: i64,
    booted_ms: i64,
}

impl Machine {
    pub fn new(world: &mut Surroundings, process: usize, role: char) -> Self {
        let mut machine = Self {
            process,
            name: format!("{role}{process}"),
            life: 0,
            alive: false,
            cut_off: false,
            paused: false,
            skew_ms: 0,
            booted_ms: 0,
        };
        machine.start(world);
        machine
    }

    pub fn start(&mut self, world: &mut Surroundings) {
        self.alive = true;
        self.life += 1;
        self.skew_ms = world.rng.i64(-SKEW_MS..=SKEW_MS);
        self.booted_ms = world.now_ms - world.rng.i64(0..100_000);
    }

    pub fn member(&self) -> Member {
        Member { process: self.process, life: self.life }
    }

    pub fn now(&self, world: &Surroundings) -> Now {
        Now { wall_ms: world.now_ms + self.skew_ms, mono_ms: world.now_ms - self.booted_ms }
    }

    pub fn runs(&self) -> bool {
        self.alive && !self.paused
    }

    pub fn reaches_kafka(&self) -> bool {
        self.runs() && !self.cut_off
    }
}
