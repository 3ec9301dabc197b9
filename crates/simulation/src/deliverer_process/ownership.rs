//! From the assignment to the release: new beginnings, commits, proofs, drains.

use super::{CommitRequest, DelivererProcess};
use crate::consumer::{Core, Owned, Stage};
use crate::limits::{DRAIN_MS, HORIZON_MS, LEASE_MS, PARTITIONS, RECORD_BYTES, TABLE_AGE_MS};
use crate::surroundings::Surroundings;
use crate::witness::Witness;
use aerogram_domain::deliverer::{Config, FailingConfig, LaneConfig, Partition, Resume, Shared, Why};
use aerogram_domain::limits::{Budget, Limiter};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

fn config(failing: FailingConfig) -> Config {
    Config {
        lanes: LaneConfig {
            concurrency: 2,
            bytes_max: 3 * (RECORD_BYTES + 512),
            wait_max_ms: 1_500,
            failures_max: 3,
            failing_min_ms: 1_000,
            remembered_max: 3,
        },
        in_flight_max: 8,
        items_max: 8,
        failing,
        horizon_ms: HORIZON_MS,
        lease_ms: LEASE_MS,
        table_age_max_ms: TABLE_AGE_MS,
        line_batch_max: 3,
        line_batch_wait_ms: 5,
        ..Config::default()
    }
}

impl DelivererProcess {
    /// Made at the first need in each life.
    fn shared(&mut self, world: &Surroundings) -> Shared {
        let made = || Shared {
            installation: world.installation.clone(),
            limiter: Arc::new(Mutex::new(Limiter::new(true, PARTITIONS))),
            item_bytes: Arc::new(Budget::new(10 * RECORD_BYTES)),
            ..Shared::unlimited(world.policies.clone())
        };
        self.shared.get_or_insert_with(made).clone()
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
        let (now, shared) = (self.machine.now(world), self.shared(world));
        let mut out = Vec::new();
        let partition =
            Partition::new(config(world.failing.clone()), shared, resume.clone(), nonce, seed, now, &mut out);
        world.trace(|| format!("{} begins p{p} core {id} {resume:?}", self.machine.name));
        let core = Core {
            id,
            partition,
            attempts_next: resume.fold_from,
            deliveries_next: resume.offset,
            deliveries_end_told: false,
            subscriptions_next: 0,
            subscriptions_end: Some(world.kafka.partitions[p].subscriptions.end()),
            table: BTreeMap::new(),
            witness: Witness::default(),
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

    /// Commits, their answers, ends of `attempts`, and new beginnings.
    pub(super) fn exchange_with_group(&mut self, world: &mut Surroundings) {
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
        if world.rng.bool()
            && let Some((p, id, end)) = self.table_probes.pop_front()
        {
            self.with_core(world, p, id, |partition, now, out| partition.on_table_end(now, end, out));
        }
        if world.rng.bool()
            && let Some((p, id, end)) = self.deliveries_probes.pop_front()
        {
            self.with_core(world, p, id, |partition, _, _| partition.on_deliveries_probe(end));
        }
        for p in 0..PARTITIONS {
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
    pub(super) fn notice_losses(&mut self, world: &mut Surroundings) {
        if world.rng.u32(..6) == 0 {
            self.owned.retain(|&p, owned| world.kafka.deliverers.is_owner(p, owned.generation));
        }
    }

    pub(super) fn release_if_drained(&mut self, world: &mut Surroundings, p: usize) {
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
