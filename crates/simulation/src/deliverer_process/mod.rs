//! A deliverer: the shell that carries out what the cores of its partitions decide, as the real one does.

mod carry_out;
mod ownership;

use crate::consumer::{Core, Owned, Stage};
use crate::limits::RECORD_BYTES;
use crate::machine::Machine;
use crate::producer::Producer;
use crate::surroundings::Surroundings;
use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{Action, Partition, Shared, Ticket};
use aerogram_domain::limits::{Ask, Key, Lease};
use aerogram_domain::policy::{Answer, AttemptResult, Remark};
use aerogram_wire::v1::Status;
use std::collections::{BTreeMap, VecDeque};

struct Request {
    partition: usize,
    core: u64,
    offset: i64,
    subscription_id: String,
    started_wall_ms: i64,
    started_ms: i64,
    ends_ms: i64,
    answer: Answer,
}

struct CommitRequest {
    partition: usize,
    core: u64,
    generation: u64,
    offset: i64,
    metadata: String,
}

pub struct DelivererProcess {
    pub machine: Machine,
    pub owned: BTreeMap<usize, Owned>,
    shared: Option<Shared>,
    /// Tokens to be leased, and answers that are on their way.
    asks: VecDeque<(usize, u64, Ask)>,
    lease_answers: VecDeque<(usize, u64, Key, Option<Lease>)>,
    producer: Producer<(u64, Ticket)>,
    /// Requests decided and not begun yet.
    decided: VecDeque<(usize, u64, Action)>,
    requests: Vec<Request>,
    commits: VecDeque<CommitRequest>,
    commit_answers: VecDeque<(usize, u64, bool)>,
    probes: VecDeque<(usize, u64)>,
    table_probes: VecDeque<(usize, u64, Option<i64>)>,
    deliveries_probes: VecDeque<(usize, u64, Option<i64>)>,
    dying: bool,
}

impl DelivererProcess {
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            owned: BTreeMap::new(),
            shared: None,
            asks: VecDeque::new(),
            lease_answers: VecDeque::new(),
            producer: Producer::default(),
            decided: VecDeque::new(),
            requests: Vec::new(),
            commits: VecDeque::new(),
            commit_answers: VecDeque::new(),
            probes: VecDeque::new(),
            table_probes: VecDeque::new(),
            deliveries_probes: VecDeque::new(),
            dying: false,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.producer.is_idle() && self.requests.is_empty() && self.decided.is_empty()
    }

    /// For a dump.
    pub fn describe(&self) -> String {
        let owned = self.owned.iter().map(|(p, owned)| match &owned.stage {
            Stage::Running(core) => format!(
                "p{p}: core {} running {} wants more {} in flight {} at {}",
                core.id,
                core.partition.is_running(),
                core.partition.wants_more(),
                core.partition.in_flight(),
                core.deliveries_next
            ),
            Stage::StartingAgain(why) => format!("p{p}: {why:?}"),
        });
        let owned = owned.collect::<Vec<_>>().join("; ");
        format!("{} idle {} owns {owned}", self.machine.name, self.is_idle())
    }

    pub fn crash(&mut self, world: &mut Surroundings) {
        world.trace(|| format!("CRASH {}", self.machine.name));
        self.producer.crash(world);
        self.owned.clear();
        self.shared = None;
        self.asks.clear();
        self.lease_answers.clear();
        self.decided.clear();
        self.requests.clear();
        self.commits.clear();
        self.commit_answers.clear();
        self.probes.clear();
        self.table_probes.clear();
        self.deliveries_probes.clear();
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
            self.notice_losses(world);
        }
        if world.rng.u32(..4) == 0 {
            self.receive_response(world);
        }
        if world.rng.u32(..3) == 0 {
            self.send_decided(world);
        }
        if world.rng.bool() {
            self.lease(world);
        }
        let index = world.rng.usize(..self.owned.len().max(1));
        if let Some(&p) = self.owned.keys().nth(index) {
            match world.rng.u32(..20) {
                0..8 if !self.machine.cut_off => self.read_attempts(world, p),
                8..12 if !self.machine.cut_off => self.read_deliveries(world, p),
                12..14 if !self.machine.cut_off => self.read_subscriptions(world, p),
                _ => self.with(world, p, |core, now, world, out| {
                    core.partition.tick(now, out);
                    if core.partition.may_send(now)
                        && let Some(stays) = core.witness.looks(world.now_ms)
                    {
                        world.oracle.fail(|| stays);
                    }
                }),
            }
            self.release_if_drained(world, p);
        }
        if self.dying {
            self.crash(world);
        }
    }

    /// Runs the core of a partition and carries out what it wants.
    fn with(
        &mut self,
        world: &mut Surroundings,
        p: usize,
        run: impl FnOnce(&mut Core, Now, &mut Surroundings, &mut Vec<Action>),
    ) {
        let now = self.machine.now(world);
        let mut out = Vec::new();
        let Some(core) = self.owned.get_mut(&p).and_then(Owned::core) else { return };
        run(core, now, world, &mut out);
        self.act(world, p, out);
    }

    fn with_core(
        &mut self,
        world: &mut Surroundings,
        p: usize,
        id: u64,
        run: impl FnOnce(&mut Partition, Now, &mut Vec<Action>),
    ) {
        self.with(world, p, |core, now, _, out| {
            if core.id == id {
                run(&mut core.partition, now, out);
            }
        });
    }

    fn read_attempts(&mut self, world: &mut Surroundings, p: usize) {
        for _ in 0..world.rng.u32(1..6) {
            self.with(world, p, |core, now, world, out| {
                let offset = core.attempts_next;
                if let Some(stored) = world.kafka.partitions[p].attempts.get(offset) {
                    core.attempts_next += 1;
                    core.partition.on_attempts(now, offset, stored.appended_ms, stored.record.clone(), out);
                }
            });
        }
    }

    fn read_deliveries(&mut self, world: &mut Surroundings, p: usize) {
        for _ in 0..world.rng.u32(1..4) {
            self.with(world, p, |core, now, world, out| {
                if !core.partition.wants_more() {
                    return;
                }
                let offset = core.deliveries_next;
                let Some(stored) = world.kafka.partitions[p].deliveries.get(offset) else {
                    // The reader says it once.
                    if !std::mem::replace(&mut core.deliveries_end_told, true) {
                        core.partition.on_deliveries_end(now);
                    }
                    return;
                };
                core.deliveries_next += 1;
                core.deliveries_end_told = false;
                let delivery = (*stored.record).clone();
                if let Err(error) =
                    core.partition.on_delivery(now, offset, stored.appended_ms, RECORD_BYTES, delivery, out)
                {
                    world.oracle.fail(|| error.to_string());
                }
            });
        }
    }

    fn read_subscriptions(&mut self, world: &mut Surroundings, p: usize) {
        for _ in 0..world.rng.u32(1..8) {
            self.with(world, p, |core, now, world, out| {
                let log = &world.kafka.partitions[p].subscriptions;
                if let Some(stored) = log.next_from(core.subscriptions_next) {
                    core.subscriptions_next = stored.offset + 1;
                    core.table_next = core.table_next.max(stored.offset + 1);
                    if let Some(state) = &stored.value {
                        let before = core.table.insert(state.id.clone(), state.clone());
                        core.witness.reads(world.now_ms, before.as_deref(), state);
                        if state.status() != Status::Active {
                            core.last_off.insert(state.id.clone(), stored.offset);
                        }
                    }
                    let state = stored.value.as_deref().cloned();
                    core.partition.on_subscription(now, stored.offset, state, out);
                } else if let Some(end) = core.subscriptions_end.take() {
                    core.table_next = core.table_next.max(end);
                    core.witness.is_whole();
                    core.partition.on_subscriptions_end(now, end, out);
                }
            });
        }
    }

    fn receive_response(&mut self, world: &mut Surroundings) {
        if self.requests.is_empty() {
            return;
        }
        let index = world.rng.usize(..self.requests.len());
        if self.requests[index].ends_ms > world.now_ms {
            return;
        }
        let request = self.requests.swap_remove(index);
        let result = AttemptResult {
            started_at_ms: request.started_wall_ms,
            duration_ms: (world.now_ms - request.started_ms) as u32,
            answer: request.answer,
            remark: Remark { excerpt: format!("said at {}", request.ends_ms), ..Remark::default() },
        };
        self.with_core(world, request.partition, request.core, |partition, now, out| {
            partition.on_response(now, request.offset, result, out);
        });
    }

    fn receive_acknowledgement(&mut self, world: &mut Surroundings) {
        if let Some(answer) = self.producer.answer(world) {
            let (id, ticket) = answer.token;
            if !answer.acknowledged {
                world.count("expired writes");
            }
            self.with_core(world, answer.partition, id, |partition, now, out| {
                if answer.acknowledged {
                    partition.on_written(now, ticket, out);
                } else {
                    partition.on_expired(ticket, out);
                }
            });
        }
    }
}
