//! The shell's hands: each action of a core is carried out, and the process may die between any two.

use super::{CommitRequest, DelivererProcess, Request};
use crate::command_handler::{by_deliverer, deactivation};
use crate::consumer::{Core, Owned, Stage};
use crate::kafka::Write;
use crate::limits::TABLE_AGE_MS;
use crate::oracle::{Decision, Sent, key_of};
use crate::surroundings::Surroundings;
use aerogram_domain::clock::Now;
use aerogram_domain::commands::partition::Asked;
use aerogram_domain::deliverer::{Action, Why};
use aerogram_domain::limits::{self, Ask};
use aerogram_domain::subscription::signing_keys;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{AttemptsRecord, Claim, Deactivate, Delivery, LineBatch, LineKind, NoteHealth};
use aerogram_wire::{Message as _, SCHEMA};

impl DelivererProcess {
    pub(super) fn act(&mut self, world: &mut Surroundings, p: usize, actions: Vec<Action>) {
        let now = self.machine.now(world);
        for action in actions {
            if world.leases.is_prompt
                && let Action::Lease(ask) = &action
            {
                self.lease_at_once(world, now, ask);
                continue;
            }
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
                    self.producer.expiring(
                        world.now_ms,
                        p,
                        Write::Pending(key, Some(value), None),
                        (id, ticket),
                    );
                }
                Action::Tombstone { ticket, key, ended } => {
                    world.oracle.bury(p, key);
                    self.producer.durable(p, Write::Pending(key, None, Some(ended)), Some((id, ticket)));
                }
                Action::Escalate { ticket, key, escalation } => {
                    world.oracle.escalate(p, key, core.partition.epoch(), &escalation);
                    self.producer.durable(p, Write::Escalation(key, escalation), Some((id, ticket)));
                }
                Action::Deactivate { ticket, key, subscription_id, detail } => {
                    world.oracle.deactivate(p, key);
                    let (command_id, command) = deactivation(key, detail);
                    let asked = Box::new(Asked { command_id, subscription_id, command });
                    self.producer.durable(p, Write::Command(asked), Some((id, ticket)));
                }
                Action::NoteHealth { ticket, command_id, subscription_id, failing_since_ms } => {
                    core.witness.asks(&subscription_id, failing_since_ms);
                    world.oracle.note(&subscription_id, failing_since_ms, core.attempts_next);
                    let command = by_deliverer(Change::NoteHealth(NoteHealth { failing_since_ms }));
                    let asked = Box::new(Asked { command_id, subscription_id, command });
                    self.producer.durable(p, Write::Command(asked), ticket.map(|ticket| (id, ticket)));
                }
                Action::GiveUp { command_id, subscription_id, failing_since_ms, detail } => {
                    let found_ms = core.witness.found(&subscription_id);
                    let day_ms = world.failing.give_up_after_ms / 5;
                    world.oracle.give_up(&subscription_id, failing_since_ms, found_ms, day_ms);
                    let change = Change::Deactivate(Deactivate { reason: detail, failing_since_ms });
                    let asked =
                        Box::new(Asked { command_id, subscription_id, command: by_deliverer(change) });
                    self.producer.durable(p, Write::Command(asked), None);
                }
                Action::Lease(ask) => self.asks.push_back((p, id, ask)),
                Action::Limited { kind: "host" } => world.count("held back by a host's limit"),
                Action::Limited { .. } => world.count("held back by a subscription's limit"),
                send @ Action::Send { .. } if world.rng.u32(..6) == 0 => {
                    self.decide(world, p, id, &send);
                    self.decided.push_back((p, id, send));
                }
                send @ Action::Send { .. } => {
                    self.decide(world, p, id, &send);
                    self.send(world, p, send);
                }
                Action::Commit { offset, metadata } => self.commits.push_back(CommitRequest {
                    partition: p,
                    core: id,
                    generation: owned.generation,
                    offset,
                    metadata,
                }),
                Action::ProbeAttemptsEnd => self.probes.push_back((p, id)),
                Action::ProbeTableEnd => {
                    // Asked only now, answered some time.
                    let end = (world.rng.u32(..5) > 0).then(|| world.kafka.partitions[p].subscriptions.end());
                    self.table_probes.push_back((p, id, end));
                }
                Action::ProbeDeliveriesEnd => {
                    let end = (world.rng.u32(..5) > 0).then(|| world.kafka.partitions[p].deliveries.end());
                    self.deliveries_probes.push_back((p, id, end));
                }
                Action::ReadTableAgain { offset, end } => {
                    world.count("tables read again");
                    core.subscriptions_next = offset;
                    core.subscriptions_end = Some(end);
                }
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
}

impl DelivererProcess {
    /// Tokens are leased, or an answer comes.
    pub(super) fn lease(&mut self, world: &mut Surroundings) {
        if let Some((p, id, ask)) = self.asks.pop_front() {
            let (down, now_ms) = (world.redis.down, world.now_ms);
            let lease = world.leases.lease(&mut world.rng, down, now_ms, &ask);
            if lease.is_none() {
                world.count("leases failed");
            }
            self.lease_answers.push_back((p, id, ask.key, lease));
        }
        if world.rng.bool()
            && let Some((p, id, key, lease)) = self.lease_answers.pop_front()
        {
            self.with_core(world, p, id, |partition, now, out| partition.on_leased(now, &key, lease, out));
        }
    }

    fn lease_at_once(&self, world: &mut Surroundings, now: Now, ask: &Ask) {
        let lease = world.leases.lease(&mut world.rng, false, world.now_ms, ask);
        if let Some(shared) = &self.shared {
            limits::lock(&shared.limiter).leased(now.mono_ms, &ask.key, lease);
        }
    }

    /// The oracle looks at a request when it is decided: what it needs of limits is taken then.
    fn decide(&self, world: &mut Surroundings, p: usize, id: u64, action: &Action) {
        let Action::Send { subscription, .. } = action else { return };
        let begun = self.requests.iter().filter(|request| {
            (request.partition, request.core) == (p, id) && request.subscription_id == subscription.id
        });
        let decided = self.decided.iter().filter(|(partition, core, action)| {
            let same = matches!(action, Action::Send { subscription: s, .. } if s.id == subscription.id);
            (*partition, *core) == (p, id) && same
        });
        let terms = world.installation.terms(subscription);
        world.oracle.decide(&Decision {
            now_ms: world.now_ms,
            life: (self.machine.process, self.machine.life),
            terms: &terms,
            open: begun.count() + decided.count(),
            losses: world.leases.losses,
            is_prompt: world.leases.is_prompt,
        });
    }

    /// A request that was decided some time ago is begun, if it still may be.
    pub(super) fn send_decided(&mut self, world: &mut Surroundings) {
        let Some((p, id, action)) = self.decided.pop_front() else { return };
        let now = self.machine.now(world);
        let Some(core) = self.owned.get_mut(&p).and_then(Owned::core).filter(|core| core.id == id) else {
            return;
        };
        let Action::Send { offset, as_of, .. } = action else { return };
        if core.partition.may_send(now) && core.partition.table_position() == as_of {
            return self.send(world, p, action);
        }
        world.count("sends held back");
        self.with_core(world, p, id, |partition, now, out| partition.on_unsent(now, offset, out));
    }

    fn send(&mut self, world: &mut Surroundings, p: usize, action: Action) {
        let Action::Send { offset, attempt, delivery, subscription, policy, .. } = action else { return };
        let now = self.machine.now(world);
        let Some(owned) = self.owned.get_mut(&p) else { return };
        let owns = world.kafka.deliverers.is_owner(p, owned.generation);
        let Some(core) = owned.core() else { return };
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
        let (answer, takes_ms) =
            world.receivers.answer(&mut world.rng, world.calm, &delivery.subscription_id);
        let keys = signing_keys(&subscription, now.wall_ms).map(|key| key.nonce.clone()).collect();
        world.oracle.send(&Sent {
            partition: p,
            name: &self.machine.name,
            owns,
            epoch: core.partition.epoch(),
            wall_ms: now.wall_ms,
            attempt,
            delivery: &delivery,
            subscription: &subscription,
            applied: core.table.get(&delivery.subscription_id).map(AsRef::as_ref),
            applied_next: core.table_next,
            policy: &policy,
            keys,
            answer,
        });
        watch_ended(world, &delivery);
        self.requests.push(Request {
            partition: p,
            core: core.id,
            offset,
            subscription_id: delivery.subscription_id.clone(),
            started_wall_ms: now.wall_ms,
            started_ms: world.now_ms,
            ends_ms: world.now_ms + takes_ms,
            answer,
        });
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

/// Nothing is sent to a subscription that was ended longer ago than the deliverer may take to notice, however far it
/// has read.
fn watch_ended(world: &mut Surroundings, delivery: &Delivery) {
    let ended_ms = world.oracle.off_since_ms(&delivery.subscription_id);
    let bound_ms = world.now_ms - TABLE_AGE_MS;
    if ended_ms.is_some_and(|ended| ended < bound_ms) {
        let id = delivery.subscription_id.clone();
        world.oracle.fail(|| format!("(3) sent to {id}, which was ended long before"));
    }
}
