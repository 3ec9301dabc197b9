//! What feeds the deliverers: subscriptions that change, fanout that emits and emits again, people who ask for a
//! delivery once more.

use crate::kafka::Write;
use crate::limits::{FANOUT_WINDOW_MS, HORIZON_MS, PARTITIONS};
use crate::oracle::key_of;
use crate::surroundings::Surroundings;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, Event, PendingEntry, PendingKind, Status, Subscription};
use aerogram_wire::{Message as _, SCHEMA};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Emitted {
    at_ms: i64,
    partition: usize,
    delivery: Arc<Delivery>,
}

/// Fanout, the command handler, and api, as far as deliverers can see them.
pub struct Fanout {
    /// The states of the subscriptions, as their one writer has them.
    states: BTreeMap<String, (usize, Subscription)>,
    subscriptions_left: usize,
    /// The table of fanout, and how far it has read.
    table: BTreeMap<String, (usize, Subscription)>,
    next: [i64; PARTITIONS],
    emitted: Vec<Emitted>,
    events_left: usize,
    redeliveries_left: usize,
    ids: u64,
}

impl Fanout {
    pub fn new(world: &mut Surroundings) -> Self {
        let rng = &mut world.rng;
        let mut fanout = Self {
            states: BTreeMap::new(),
            subscriptions_left: rng.usize(1..5),
            table: BTreeMap::new(),
            next: [0; PARTITIONS],
            emitted: Vec::new(),
            events_left: rng.usize(4..24),
            redeliveries_left: rng.usize(..3),
            ids: 0,
        };
        fanout.create(world);
        fanout.create(world);
        fanout
    }

    pub fn is_done(&self) -> bool {
        self.events_left == 0
    }

    /// Something happens upstream.
    pub fn step(&mut self, world: &mut Surroundings) {
        match world.rng.u32(..20) {
            0..6 => self.read(world),
            6..12 => self.emit(world),
            12..15 => self.emit_again(world),
            15..17 => self.change(world),
            17 => self.create(world),
            _ => self.redeliver(world),
        }
    }

    /// The command handler deactivates what a 410 asked for.
    pub fn handle_commands(&mut self, world: &mut Surroundings) {
        let now_ms = world.now_ms;
        let due = world.deactivations.extract_if(.., |(at_ms, ..)| *at_ms <= now_ms).collect::<Vec<_>>();
        for (_, _, _, id) in due {
            if self.states.get(&id).is_some_and(|(_, state)| state.status() == Status::Active) {
                self.set(world, &id, |state| state.set_status(Status::Inactive));
            }
        }
    }

    fn create(&mut self, world: &mut Surroundings) {
        if self.subscriptions_left == 0 && self.states.len() > 1 {
            return;
        }
        self.subscriptions_left = self.subscriptions_left.saturating_sub(1);
        let id = format!("s{}", self.states.len());
        let partition = self.states.len() % PARTITIONS;
        let policy = world.rng.choice(["", "", "staffing", "brisk"]).unwrap_or("");
        let state = Subscription { id: id.clone(), policy: policy.into(), ..Subscription::default() };
        self.states.insert(id.clone(), (partition, state));
        self.set(world, &id, |state| state.set_status(Status::Active));
    }

    fn change(&mut self, world: &mut Surroundings) {
        let index = world.rng.usize(..self.states.len());
        let Some((id, (_, state))) = self.states.iter().nth(index) else { return };
        let (id, status) = (id.clone(), state.status());
        if status == Status::Deleted {
            return;
        }
        let to = match world.rng.u32(..10) {
            0 if world.rng.bool() => Status::Deleted,
            0 => Status::Inactive,
            _ => Status::Active,
        };
        self.set(world, &id, |state| state.set_status(to));
    }

    fn set(&mut self, world: &mut Surroundings, id: &str, change: impl FnOnce(&mut Subscription)) {
        let Some((partition, state)) = self.states.get_mut(id) else { return };
        change(state);
        state.updated_at_ms = world.now_ms;
        state.version += 1;
        state.callback_url = format!("https://{id}.example/{}", state.version);
        let (partition, state) = (*partition, state.clone());
        world.trace(|| format!("  subscription {id} of p{partition} is {:?}", state.status()));
        world.kafka.partitions[partition].subscriptions.append(
            world.now_ms,
            id.to_owned(),
            Some(state),
            None,
        );
    }

    fn read(&mut self, world: &mut Surroundings) {
        for (partition, next) in self.next.iter_mut().enumerate() {
            while let Some(stored) = world.kafka.partitions[partition].subscriptions.next_from(*next) {
                if world.rng.u32(..4) == 0 {
                    break;
                }
                *next = stored.offset + 1;
                if let Some(state) = &stored.value {
                    self.table.insert(state.id.clone(), (partition, state.clone()));
                }
            }
        }
    }

    fn emit(&mut self, world: &mut Surroundings) {
        let active = self.table.values().filter(|(_, state)| state.status() == Status::Active);
        let active = active.collect::<Vec<_>>();
        let Some((partition, subscription)) = world.rng.choice(active) else {
            // With nobody to match, an event is over.
            self.events_left = self.events_left.saturating_sub(usize::from(self.table.len() > 1));
            return;
        };
        if self.events_left == 0 {
            return;
        }
        self.events_left -= 1;
        self.ids += 1;
        // An event may have waited longer than anybody's memory.
        let age_ms = if world.rng.u32(..12) == 0 { HORIZON_MS * 3 / 2 } else { world.rng.i64(0..1_500) };
        let event_ms = world.now_ms - age_ms;
        let delivery = Arc::new(Delivery {
            schema: SCHEMA,
            delivery_id: bytes::Bytes::copy_from_slice(&u128::from(self.ids).to_be_bytes()),
            subscription_id: subscription.id.clone(),
            subscription_offset: self.next[*partition] - 1,
            event: Some(Event::default()),
            event_appended_at_ms: event_ms,
            accepted_at_ms: event_ms,
            ..Delivery::default()
        });
        let policy = world.policies.of(&subscription.policy, &subscription.profile);
        world.oracle.expect(*partition, key_of(&delivery), policy);
        self.emitted.push(Emitted { at_ms: world.now_ms, partition: *partition, delivery: delivery.clone() });
        world.append(*partition, Write::Deliveries(delivery));
    }

    /// After a crash of fanout, or when it reads old events once more.
    fn emit_again(&mut self, world: &mut Surroundings) {
        let any_age = world.rng.u32(..4) == 0;
        let again = self.emitted.iter().filter(|e| any_age || world.now_ms - e.at_ms < FANOUT_WINDOW_MS);
        if let Some(again) = world.rng.choice(again.collect::<Vec<_>>()) {
            let mut delivery = (*again.delivery).clone();
            // It is matched again, by the table of now.
            let active = |(_, state): &(usize, Subscription)| state.status() == Status::Active;
            if self.table.get(&delivery.subscription_id).is_some_and(active) {
                delivery.subscription_offset = self.next[again.partition] - 1;
            }
            world.count("emitted again");
            world.append(again.partition, Write::Deliveries(Arc::new(delivery)));
        }
    }

    /// Another run of a delivery whose live run has ended.
    fn redeliver(&mut self, world: &mut Surroundings) {
        let Some(one) = world.rng.choice(&self.emitted) else { return };
        let reference = &world.oracle.references[one.partition];
        let ended = reference.runs.get(&key_of(&one.delivery)).is_some_and(|run| run.ended.is_some());
        if self.redeliveries_left == 0 || !ended {
            return;
        }
        self.redeliveries_left -= 1;
        // Unique, as run ids are.
        let run = world.rng.u64(1_000..10_000) * 8 + self.redeliveries_left as u64;
        let delivery = Delivery { run, due_at_ms: world.now_ms, ..(*one.delivery).clone() };
        let Some(key) = RunKey::new(&delivery.delivery_id, run) else { return };
        let subscription = &self.states[&delivery.subscription_id].1;
        let policy = world.policies.of(&subscription.policy, &subscription.profile);
        world.oracle.expect(one.partition, key, policy);
        let mut entry = PendingEntry { schema: SCHEMA, due_at_ms: world.now_ms, ..PendingEntry::default() };
        entry.set_kind(PendingKind::Retry);
        entry.delivery = Some(delivery);
        let value = entry.encode_to_vec().into();
        world.append(one.partition, Write::Pending(PendingKey { run: key, seq: 0 }, Some(value), None));
    }
}
