//! The shell's hands: each action of a core is carried out, and the process may die between any two.

use super::{CommitRequest, DelivererProcess, Request};
use crate::command_handler::deactivation;
use crate::consumer::{Core, Owned, Stage};
use crate::kafka::Write;
use crate::limits::TABLE_AGE_MS;
use crate::oracle::{Sent, key_of};
use crate::surroundings::Surroundings;
use aerogram_domain::commands::partition::Asked;
use aerogram_domain::deliverer::{Action, Why};
use aerogram_domain::subscription::signing_keys;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Claim, Delivery, LineBatch, LineKind};
use aerogram_wire::{Message as _, SCHEMA};

impl DelivererProcess {
    pub(super) fn act(&mut self, world: &mut Surroundings, p: usize, actions: Vec<Action>) {
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
                    self.producer.expiring(
                        world.now_ms,
                        p,
                        Write::Pending(key, Some(value), None),
                        (id, ticket),
                    );
                }
                Action::Tombstone { ticket, key, outcome } => {
                    world.oracle.bury(p, key);
                    self.producer.durable(p, Write::Pending(key, None, outcome), Some((id, ticket)));
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
                send @ Action::Send { .. } if world.rng.u32(..6) == 0 => {
                    self.decided.push_back((p, id, send));
                }
                send @ Action::Send { .. } => self.send(world, p, send),
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
