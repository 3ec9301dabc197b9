//! A deliverer: the shell that carries out what the cores of its partitions decide, as the real one does.

use crate::consumer::{Core, Owned, Stage};
use crate::kafka::Write;
use crate::limits::{DRAIN_MS, HORIZON_MS, LEASE_MS};
use crate::machine::Machine;
use crate::oracle::{Sent, key_of};
use crate::producer::Producer;
use crate::surroundings::Surroundings;
use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{Action, Config, Partition, Resume, Ticket, Why};
use aerogram_domain::policy::{Answer, AttemptResult};
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Claim, LineBatch, LineKind, Status};
use aerogram_wire::{Message as _, SCHEMA};
use std::collections::{BTreeMap, VecDeque};

struct Request {
    partition: usize,
    core: u64,
    offset: i64,
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
    producer: Producer<(u64, Ticket)>,
    requests: Vec<Request>,
    commits: VecDeque<CommitRequest>,
    commit_answers: VecDeque<(usize, u64, bool)>,
    probes: VecDeque<(usize, u64)>,
    dying: bool,
}

fn config() -> Config {
    Config {
        lane_concurrency: 2,
        lane_capacity: 3,
        in_flight_max: 3,
        items_max: 8,
        horizon_ms: HORIZON_MS,
        lease_ms: LEASE_MS,
        line_batch_max: 3,
        line_batch_wait_ms: 5,
        ..Config::default()
    }
}

impl DelivererProcess {
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            owned: BTreeMap::new(),
            producer: Producer::default(),
            requests: Vec::new(),
            commits: VecDeque::new(),
            commit_answers: VecDeque::new(),
            probes: VecDeque::new(),
            dying: false,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.producer.is_idle() && self.requests.is_empty()
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

    /// The group made it the owner.
    pub fn assign(&mut self, world: &mut Surroundings, partition: usize, generation: u64) {
        let (offset, metadata) = world.kafka.deliverers.committed[partition].clone();
        let resume = match Resume::parse(offset, &metadata) {
            Ok(resume) => resume,
            Err(error) => return world.oracle.fail(|| error.to_string()),
        };
        let stage = Stage::StartingAgain(Why::TableBehind);
        let owned = Owned { generation, stage, revoking_since_ms: None };
        self.owned.insert(partition, owned);
        self.begin(world, partition, &resume);
    }

    fn begin(&mut self, world: &mut Surroundings, p: usize, resume: &Resume) {
        let (id, nonce, seed) = (world.fresh_id(), world.rng.u64(..), world.rng.u64(..));
        let now = self.machine.now(world);
        let mut out = Vec::new();
        let partition =
            Partition::new(config(), world.policies.clone(), resume.clone(), nonce, seed, now, &mut out);
        world.trace(|| format!("{} begins p{p} core {id} {resume:?}", self.machine.name));
        let core = Core {
            id,
            partition,
            attempts_next: resume.fold_from,
            deliveries_next: resume.offset,
            subscriptions_next: 0,
            subscriptions_end: Some(world.kafka.partitions[p].subscriptions.end()),
            table: BTreeMap::new(),
            last_off: BTreeMap::new(),
            table_next: 0,
        };
        if let Some(owned) = self.owned.get_mut(&p) {
            owned.stage = Stage::Running(Box::new(core));
        }
        self.act(world, p, out);
    }

    /// The group takes it away: drain, commit, release.
    pub fn revoke(&mut self, world: &mut Surroundings, p: usize) {
        world.trace(|| format!("{} is revoked p{p}", self.machine.name));
        let now_ms = world.now_ms;
        if let Some(owned) = self.owned.get_mut(&p) {
            owned.revoking_since_ms.get_or_insert(now_ms);
            if let Some(core) = owned.core() {
                core.partition.on_rebalance();
                core.partition.drain();
            }
        }
    }

    /// A rebalance has begun that leaves it its partitions.
    pub fn rebalance(&mut self) {
        self.owned.values_mut().filter_map(Owned::core).for_each(|core| core.partition.on_rebalance());
    }

    pub fn crash(&mut self, world: &mut Surroundings) {
        world.trace(|| format!("CRASH {}", self.machine.name));
        self.producer.crash(world);
        self.owned.clear();
        self.requests.clear();
        self.commits.clear();
        self.commit_answers.clear();
        self.probes.clear();
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
        let index = world.rng.usize(..self.owned.len().max(1));
        if let Some(&p) = self.owned.keys().nth(index) {
            match world.rng.u32(..20) {
                0..8 if !self.machine.cut_off => self.read_attempts(world, p),
                8..12 if !self.machine.cut_off => self.read_deliveries(world, p),
                12..14 if !self.machine.cut_off => self.read_subscriptions(world, p),
                _ => self.with(world, p, |core, now, _, out| core.partition.tick(now, out)),
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

    fn act(&mut self, world: &mut Surroundings, p: usize, actions: Vec<Action>) {
        for action in actions {
            self.dying = self.dying || world.crashes_here();
            let Some(owned) = self.owned.get_mut(&p) else { return };
            let Stage::Running(core) = &mut owned.stage else { return };
            if self.dying {
                return;
            }
            let id = core.id;
            match action {
                Action::Claim { nonce } => {
                    let claim = Claim { nonce, owner: self.machine.name.clone() };
                    self.producer.durable(p, attempts(Body::Claim(claim)), None);
                }
                Action::Lines(batch) => {
                    watch_cancelled(world, p, core, &batch);
                    self.producer.durable(p, attempts(Body::Batch(batch)), None);
                }
                Action::Pend { ticket, key, entry } => {
                    world.oracle.pend(p, key, &entry);
                    let value = entry.encode_to_vec().into();
                    self.producer.expiring(world.now_ms, p, Write::Pending(key, Some(value)), (id, ticket));
                }
                Action::Tombstone { ticket, key, .. } => {
                    world.oracle.bury(p, key);
                    self.producer.durable(p, Write::Pending(key, None), Some((id, ticket)));
                }
                Action::Escalate { ticket, key, escalation } => {
                    world.oracle.escalate(p, key);
                    self.producer.durable(p, Write::Escalation(key, escalation), Some((id, ticket)));
                }
                Action::Deactivate { ticket, key, subscription_id, .. } => {
                    self.producer.durable(p, Write::Deactivate(key, subscription_id), Some((id, ticket)));
                }
                Action::Send { offset, attempt, delivery, subscription, policy } => {
                    let now = self.machine.now(world);
                    world.trace(|| {
                        let key = key_of(&delivery);
                        format!(
                            "{} SENDS {}/{} seq {} #{attempt} of offset {offset} under {}",
                            self.machine.name,
                            key.delivery_id[15],
                            key.run,
                            delivery.seq,
                            core.partition.epoch()
                        )
                    });
                    world.oracle.send(&Sent {
                        partition: p,
                        name: &self.machine.name,
                        owns: world.kafka.deliverers.is_owner(p, owned.generation),
                        epoch: core.partition.epoch(),
                        wall_ms: now.wall_ms,
                        attempt,
                        delivery: &delivery,
                        subscription: &subscription,
                        applied: core.table.get(&delivery.subscription_id),
                        applied_next: core.table_next,
                        policy: &policy,
                    });
                    let (answer, takes_ms) =
                        world.receivers.answer(&mut world.rng, world.calm, &delivery.subscription_id);
                    self.requests.push(Request {
                        partition: p,
                        core: id,
                        offset,
                        started_wall_ms: now.wall_ms,
                        started_ms: world.now_ms,
                        ends_ms: world.now_ms + takes_ms,
                        answer,
                    });
                }
                Action::Commit { offset, metadata } => self.commits.push_back(CommitRequest {
                    partition: p,
                    core: id,
                    generation: owned.generation,
                    offset,
                    metadata,
                }),
                Action::ProbeAttemptsEnd => self.probes.push_back((p, id)),
                Action::StartAgain(why) => {
                    world.trace(|| format!("{} starts p{p} again: {why:?}", self.machine.name));
                    world.count(match why {
                        Why::ForeignClaim => "foreign claims",
                        Why::OlderThanMemory { .. } => "memories extended",
                        Why::TableBehind => "tables behind",
                    });
                    owned.stage = Stage::StartingAgain(why);
                }
                Action::Settled { .. } => {}
            }
        }
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
                    return core.partition.on_deliveries_end();
                };
                core.deliveries_next += 1;
                let delivery = (*stored.record).clone();
                if let Err(error) = core.partition.on_delivery(now, offset, 100, delivery, out) {
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
                        core.table.insert(state.id.clone(), state.clone());
                        if state.status() != Status::Active {
                            core.last_off.insert(state.id.clone(), stored.offset);
                        }
                    }
                    core.partition.on_subscription(now, stored.offset, stored.value.clone(), out);
                } else if let Some(end) = core.subscriptions_end.take() {
                    core.table_next = core.table_next.max(end);
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

    /// Commits, their answers, ends of `attempts`, and new beginnings.
    fn exchange_with_group(&mut self, world: &mut Surroundings) {
        if world.rng.bool()
            && let Some(request) = self.commits.pop_front()
        {
            self.commit(world, request);
        }
        if world.rng.bool()
            && let Some((p, id, succeeded)) = self.commit_answers.pop_front()
        {
            self.with_core(world, p, id, |partition, now, out| partition.on_commit(now, succeeded, out));
        }
        if world.rng.bool()
            && let Some((p, id)) = self.probes.pop_front()
        {
            let end = (world.rng.u32(..5) > 0).then(|| world.kafka.partitions[p].attempts.end());
            self.with_core(world, p, id, |partition, now, out| partition.on_attempts_end(now, end, out));
        }
        for p in 0..crate::limits::PARTITIONS {
            self.start_again(world, p);
        }
    }

    fn commit(&mut self, world: &mut Surroundings, request: CommitRequest) {
        let p = request.partition;
        let lost = world.rng.u32(..20) == 0 && !world.calm;
        let accepted = self.commit_in_group(world, p, request.generation, request.offset, request.metadata);
        self.commit_answers.push_back((p, request.core, accepted && !lost));
    }

    fn commit_in_group(
        &self,
        world: &mut Surroundings,
        p: usize,
        generation: u64,
        offset: i64,
        metadata: String,
    ) -> bool {
        if !world.kafka.deliverers.is_owner(p, generation) {
            world.trace(|| format!("{} was refused the commit of p{p}", self.machine.name));
            return false;
        }
        world.trace(|| format!("{} commits p{p} {offset} {metadata}", self.machine.name));
        let from = world.kafka.deliverers.committed[p].0;
        world.oracle.commit(p, from, offset, &world.kafka.partitions[p].deliveries);
        world.kafka.deliverers.committed[p] = (offset, metadata);
        true
    }

    fn start_again(&mut self, world: &mut Surroundings, p: usize) {
        let Some(owned) = self.owned.get(&p) else { return };
        let Stage::StartingAgain(why) = owned.stage else { return };
        // Requests to the group keep their order.
        let before = self.commits.iter().any(|request| request.partition == p);
        if owned.revoking_since_ms.is_some() || before || world.rng.bool() {
            return;
        }
        let (offset, metadata) = world.kafka.deliverers.committed[p].clone();
        if why == Why::ForeignClaim
            && !self.commit_in_group(world, p, owned.generation, offset, metadata.clone())
        {
            self.owned.remove(&p);
            return;
        }
        let Ok(mut resume) = Resume::parse(offset, &metadata) else { return };
        if let Why::OlderThanMemory { event_appended_at_ms } = why {
            resume.fold_from = world.kafka.partitions[p].attempts.first_since(event_appended_at_ms);
            resume.epoch_there = None;
            resume.covers_from_ms = Some(event_appended_at_ms);
        }
        self.begin(world, p, &resume);
    }

    /// The client hears that its partitions are another's.
    fn notice_losses(&mut self, world: &mut Surroundings) {
        if world.rng.u32(..6) == 0 {
            self.owned.retain(|&p, owned| world.kafka.deliverers.is_owner(p, owned.generation));
        }
    }

    fn release_if_drained(&mut self, world: &mut Surroundings, p: usize) {
        let now = self.machine.now(world);
        let Some(owned) = self.owned.get_mut(&p) else { return };
        let Some(since) = owned.revoking_since_ms else { return };
        let generation = owned.generation;
        let late = world.now_ms - since > DRAIN_MS;
        let point = match &mut owned.stage {
            Stage::StartingAgain(_) => None,
            Stage::Running(core) if core.partition.is_drained() || late => {
                Some(core.partition.commit_point(now))
            }
            Stage::Running(_) => return,
        };
        if self.machine.cut_off {
            return;
        }
        if let Some(point) = point {
            self.commit_in_group(world, p, generation, point.offset, point.metadata());
        }
        world.trace(|| format!("{} releases p{p}", self.machine.name));
        world.kafka.deliverers.release(p, generation);
        self.owned.remove(&p);
    }
}

fn attempts(body: Body) -> Write {
    Write::Attempts(AttemptsRecord { schema: SCHEMA, body: Some(body) })
}

/// The oracle looks at cancelled lines as they are decided.
fn watch_cancelled(world: &mut Surroundings, p: usize, core: &Core, batch: &LineBatch) {
    for line in batch.lines.iter().filter(|line| line.kind() == LineKind::Cancelled) {
        let polled = world.kafka.partitions[p].deliveries.iter_from(0).take(core.deliveries_next as usize);
        let copies = polled.filter_map(|(_, stored)| {
            let d = &stored.record;
            (d.delivery_id == line.delivery_id && d.run == line.run && d.seq == line.seq).then_some(d)
        });
        if let Some(first) = copies.min_by_key(|delivery| delivery.subscription_offset) {
            world.oracle.cancel(first, core.last_off.get(&first.subscription_id).copied());
        }
    }
}
