//! What feeds the deliverers: fanout that matches events with the subscriptions it knows, emits, and emits again.

use crate::kafka::Write;
use crate::limits::{FANOUT_WINDOW_MS, HORIZON_MS};
use crate::oracle::key_of;
use crate::surroundings::Surroundings;
use crate::table::Table;
use aerogram_domain::subscription::effective_status;
use aerogram_wire::SCHEMA;
use aerogram_wire::v1::{Delivery, Event, Status, Subscription};
use std::sync::Arc;

struct Emitted {
    at_ms: i64,
    partition: usize,
    delivery: Arc<Delivery>,
}

pub struct Fanout {
    table: Table,
    emitted: Vec<Emitted>,
    events_left: usize,
    ids: u64,
}

fn matches(state: &Subscription, now_ms: i64) -> bool {
    effective_status(state, now_ms) == Status::Active
}

impl Fanout {
    pub fn new(world: &mut Surroundings) -> Self {
        let events_left = world.rng.usize(8..32);
        Self { table: Table::default(), emitted: Vec::new(), events_left, ids: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.events_left == 0
    }

    pub fn step(&mut self, world: &mut Surroundings) {
        match world.rng.u32(..15) {
            0..6 => self.table.read(world),
            6..12 => self.emit(world),
            _ => self.emit_again(world),
        }
    }

    fn emit(&mut self, world: &mut Surroundings) {
        let states = &self.table.states;
        let active = states.values().filter(|(_, state)| matches(state, world.now_ms)).collect::<Vec<_>>();
        let Some((partition, subscription)) = world.rng.choice(active) else {
            // With nobody to match, an event is over.
            self.events_left = self.events_left.saturating_sub(usize::from(states.len() > 1));
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
            subscription_offset: self.table.position(*partition),
            scope: subscription.scope.clone(),
            event: Some(Event::default()),
            event_appended_at_ms: event_ms,
            accepted_at_ms: event_ms,
            ..Delivery::default()
        });
        world.oracle.expect(*partition, key_of(&delivery), subscription);
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
            let active = |(_, state): &(usize, Arc<Subscription>)| matches(state, world.now_ms);
            if self.table.states.get(&delivery.subscription_id).is_some_and(active) {
                delivery.subscription_offset = self.table.position(again.partition);
            }
            world.count("emitted again");
            world.append(again.partition, Write::Deliveries(Arc::new(delivery)));
        }
    }
}
