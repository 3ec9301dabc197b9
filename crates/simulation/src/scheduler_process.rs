//! A scheduler: the shell that carries out what the cores of its partitions decide, as the real one does.

use crate::kafka::Write;
use crate::limits::{RETENTION_MS, REWRITE_MAX_MS, STALENESS_MS, WINDOW_MAX};
use crate::machine::Machine;
use crate::producer::Producer;
use crate::surroundings::Surroundings;
use aerogram_domain::clock::Now;
use aerogram_domain::scheduler::{Action, Config, Found, Partition, ReadBack, Room, read};
use aerogram_domain::store::StoreOp;
use aerogram_wire::key::PendingKey;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const LAYOUT: &str = "world";

struct Owned {
    id: u64,
    generation: u64,
    partition: Partition,
    /// Where to read on, once the core has said so.
    next: Option<i64>,
    /// The reader says it once that it has returned everything.
    end_told: bool,
}

struct Probe {
    partition: usize,
    id: u64,
    asked_wall_ms: i64,
    end: Option<Option<i64>>,
}

/// Payloads asked for.
struct Asked {
    partition: usize,
    id: u64,
    number: u64,
    offsets: Vec<i64>,
}

pub struct SchedulerProcess {
    pub machine: Machine,
    owned: BTreeMap<usize, Owned>,
    producer: Producer<(u64, PendingKey)>,
    operations: VecDeque<(usize, u64, StoreOp)>,
    proofs: VecDeque<(usize, u64, u64)>,
    probes: VecDeque<Probe>,
    asked: VecDeque<Asked>,
    dying: bool,
}

fn config(payload_bytes_max: u64) -> Config {
    Config {
        payload_bytes_max,
        drop_batch_max: 2,
        fire_batch_max: 3,
        staleness_max_ms: STALENESS_MS,
        age_max_ms: RETENTION_MS / 2,
        apply_batch_max: 3,
        buffer_max: 5,
        window_default: WINDOW_MAX,
        probe_wait_min_ms: 500,
        probe_wait_max_ms: 8_000,
        rewrite_max_ms: REWRITE_MAX_MS,
        graves_max: 20,
        ..Config::default()
    }
}

impl SchedulerProcess {
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            owned: BTreeMap::new(),
            producer: Producer::default(),
            operations: VecDeque::new(),
            proofs: VecDeque::new(),
            probes: VecDeque::new(),
            asked: VecDeque::new(),
            dying: false,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.producer.is_idle()
    }

    pub fn assign(&mut self, world: &mut Surroundings, p: usize, generation: u64) {
        let id = world.fresh_id();
        let (config, owner) = (config(world.redis.payload_bytes_max), world.rng.u64(..));
        let partition = Partition::new(config, owner, LAYOUT.into(), self.machine.now(world));
        world.trace(|| format!("{} takes p{p} over, core {id}", self.machine.name));
        self.owned.insert(p, Owned { id, generation, partition, next: None, end_told: false });
        self.with(world, p, id, |owned, _, _, out| owned.partition.start(out));
    }

    /// The group takes it away; what was fired is acknowledged or not, the next owner finds out.
    pub fn revoke(&mut self, world: &mut Surroundings, p: usize) {
        if let Some(owned) = self.owned.remove(&p) {
            world.trace(|| format!("{} is revoked p{p}", self.machine.name));
            world.kafka.schedulers.release(p, owned.generation);
        }
    }

    pub fn crash(&mut self, world: &mut Surroundings) {
        world.trace(|| format!("CRASH {}", self.machine.name));
        self.producer.crash(world);
        self.owned.clear();
        self.operations.clear();
        self.proofs.clear();
        self.probes.clear();
        self.asked.clear();
        self.machine.alive = false;
        self.dying = false;
    }

    pub fn step(&mut self, world: &mut Surroundings) {
        if !self.machine.runs() {
            return;
        }
        self.producer.expire(world);
        self.receive_acknowledgement(world);
        if !self.machine.cut_off {
            self.producer.exchange(world);
            self.exchange_with_group(world);
            self.read_back(world);
        }
        self.exchange_with_store(world);
        let index = world.rng.usize(..self.owned.len().max(1));
        if let Some((&p, owned)) = self.owned.iter().nth(index) {
            let id = owned.id;
            if owned.partition.is_lost() {
                self.owned.remove(&p);
            } else if world.rng.bool() {
                self.with(world, p, id, |owned, now, _, out| owned.partition.tick(now, out));
            } else if !self.machine.cut_off {
                self.read(world, p, id);
            }
        }
        if self.dying {
            self.crash(world);
        }
    }

    fn with(
        &mut self,
        world: &mut Surroundings,
        p: usize,
        id: u64,
        run: impl FnOnce(&mut Owned, Now, &mut Surroundings, &mut Vec<Action>),
    ) {
        let now = self.machine.now(world);
        let mut out = Vec::new();
        let Some(owned) = self.owned.get_mut(&p).filter(|owned| owned.id == id) else { return };
        run(owned, now, world, &mut out);
        for action in out {
            self.dying = self.dying || world.crashes_here();
            if self.dying {
                return;
            }
            self.act(world, p, id, now, action);
        }
    }

    fn act(&mut self, world: &mut Surroundings, p: usize, id: u64, now: Now, action: Action) {
        let Some(owned) = self.owned.get_mut(&p) else { return };
        match action {
            Action::Store(op) => self.operations.push_back((p, id, op)),
            Action::Prove => self.proofs.push_back((p, id, owned.generation)),
            Action::ProbeEnd => {
                self.probes.push_back(Probe { partition: p, id, asked_wall_ms: now.wall_ms, end: None });
            }
            Action::ReadFrom { offset } => (owned.next, owned.end_told) = (Some(offset), false),
            Action::Fire { key, delivery, due_at_ms } => {
                world.trace(|| {
                    let (id, run) = (key.run.delivery_id[15], key.run.run);
                    format!("{} FIRES {id}/{run} seq {}", self.machine.name, key.seq)
                });
                if due_at_ms > now.wall_ms {
                    world.oracle.fail(|| "(4) an entry was fired before it was due".into());
                }
                let write = Write::Deliveries(Arc::from(delivery));
                self.producer.expiring(world.now_ms, p, write, (id, key));
            }
            Action::ReadBack { number, offsets } => {
                self.asked.push_back(Asked { partition: p, id, number, offsets });
            }
            Action::Show(backlog) => {
                if backlog.shut > 0 {
                    world.count("lanes shut");
                }
                if backlog.room == Room::Full {
                    world.count("stores full");
                }
            }
        }
    }

    fn read(&mut self, world: &mut Surroundings, p: usize, id: u64) {
        for _ in 0..world.rng.u32(1..6) {
            self.with(world, p, id, |owned, now, world, out| {
                let Some(next) = owned.next.filter(|_| owned.partition.wants_more()) else { return };
                let Some(stored) = world.kafka.partitions[p].pending.next_from(next) else {
                    if !std::mem::replace(&mut owned.end_told, true) {
                        owned.partition.on_log_end(now, out);
                    }
                    return;
                };
                owned.next = Some(stored.offset + 1);
                owned.end_told = false;
                let ended = stored.ended.map(|ended| ended.to_string());
                let header = ended.as_ref().map(|text| text.as_bytes());
                let (key, value) = (stored.key.encode(), stored.value.clone());
                match read(stored.offset, stored.appended_ms, key, value, header) {
                    Ok(record) => owned.partition.on_record(now, record),
                    Err(error) => world.oracle.fail(|| error.to_string()),
                }
            });
        }
    }

    /// Records are read where they stand, or where they stood before they were compacted away; not all of them in time.
    fn read_back(&mut self, world: &mut Surroundings) {
        if !world.rng.bool() {
            return;
        }
        let Some(Asked { partition: p, id, number, offsets }) = self.asked.pop_front() else { return };
        let mut read = Vec::new();
        for offset in offsets {
            if !world.calm && world.rng.u32(..10) == 0 {
                break;
            }
            let stored = world.kafka.partitions[p].pending.next_from(offset);
            let stored = stored.filter(|stored| stored.offset == offset);
            let found = stored.map(|stored| Found { key: stored.key.encode(), value: stored.value.clone() });
            world.count(if found.is_some() { "payloads read back" } else { "payloads gone" });
            read.push(ReadBack { offset, found });
        }
        self.with(world, p, id, |owned, now, _, out| owned.partition.on_read_back(now, number, read, out));
    }

    fn receive_acknowledgement(&mut self, world: &mut Surroundings) {
        if let Some(answer) = self.producer.answer(world) {
            let (id, key) = answer.token;
            self.with(world, answer.partition, id, |owned, now, _, out| {
                owned.partition.on_fired(now, &key, answer.acknowledged, out);
            });
        }
    }

    fn exchange_with_group(&mut self, world: &mut Surroundings) {
        if world.rng.bool()
            && let Some((p, id, generation)) = self.proofs.pop_front()
        {
            let ours = world.kafka.schedulers.is_owner(p, generation);
            self.with(world, p, id, |owned, now, _, out| owned.partition.on_proved(now, ours, out));
        }
        if world.rng.bool()
            && let Some(mut probe) = self.probes.pop_front()
        {
            let p = probe.partition;
            let end = probe.end.unwrap_or_else(|| {
                (world.calm || world.rng.u32(..8) > 0).then(|| world.kafka.partitions[p].pending.end())
            });
            if probe.end.is_none() && world.rng.u32(..3) == 0 {
                // The answer is on its way.
                probe.end = Some(end);
                return self.probes.push_back(probe);
            }
            self.with(world, p, probe.id, |owned, now, _, out| {
                owned.partition.on_end(now, end, probe.asked_wall_ms, out);
            });
        }
        if world.rng.u32(..6) == 0 {
            self.owned.retain(|&p, owned| world.kafka.schedulers.is_owner(p, owned.generation));
        }
    }

    fn exchange_with_store(&mut self, world: &mut Surroundings) {
        if world.rng.u32(..3) > 0
            && let Some((p, id, op)) = self.operations.pop_front()
        {
            let reply = world.redis.call(&mut world.rng, world.calm, p, op);
            world.trace(|| {
                format!("{} p{p} hears {:.60} from the store", self.machine.name, format!("{reply:?}"))
            });
            self.with(world, p, id, |owned, now, _, out| owned.partition.on_store(now, reply, out));
        }
    }
}
