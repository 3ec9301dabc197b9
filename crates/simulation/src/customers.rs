//! The owners of subscriptions: every wish of theirs is a command, which may come late, twice, or too late to be true.

use crate::kafka::Write;
use crate::limits::PARTITIONS;
use crate::surroundings::Surroundings;
use crate::table::Table;
use aerogram_domain::commands::partition::Asked;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{
    Command, Create, Delete, Limits, Renew, ReplaceSigningKey, Scope, Sealed, Status, Subscription, Update,
};

/// Names nobody knows included: they are `standard`.
const POLICIES: [&str; 7] = ["", "standard", "staffing", "brisk", "brisk", "patient", "retired"];

pub struct Customers {
    /// What they see of `subscriptions`.
    table: Table,
    creations_left: usize,
    created: usize,
    asked: Vec<(usize, Asked)>,
}

impl Customers {
    pub fn new(world: &mut Surroundings) -> Self {
        let creations_left = world.rng.usize(1..5);
        let mut customers = Self { table: Table::default(), creations_left, created: 0, asked: Vec::new() };
        customers.create(world);
        customers.create(world);
        customers
    }

    /// Somebody wants something.
    pub fn step(&mut self, world: &mut Surroundings) {
        match world.rng.u32(..20) {
            0 if world.rng.bool() => self.ask(world, |_, _| Change::Delete(Delete {})),
            0..9 => self.ask(world, update),
            9 => self.renew(world),
            10..14 => self.ask(world, replace_key),
            14..16 => self.repeat(world),
            16 if self.creations_left > 0 || self.created < 2 => self.create(world),
            _ => self.table.read(world),
        }
    }

    fn create(&mut self, world: &mut Surroundings) {
        let (id, partition) = (format!("s{}", self.created), self.created % PARTITIONS);
        self.created += 1;
        self.creations_left = self.creations_left.saturating_sub(1);
        let wanted = Subscription {
            id: id.clone(),
            callback_url: url_of(world, &id),
            limits: limits(world),
            policy: world.rng.choice(POLICIES).unwrap_or("").into(),
            profile: profile(world).into(),
            signing_key: Some(fresh_key(world)),
            ..Subscription::default()
        };
        let lifetime_ms = if world.rng.u32(..6) == 0 { world.rng.i64(60_000..600_000) } else { 0 };
        let change = Change::Create(Create { subscription: Some(wanted), lifetime_ms });
        self.send(world, partition, id, 0, change);
    }

    fn ask(
        &mut self,
        world: &mut Surroundings,
        wish: impl FnOnce(&mut Surroundings, &Subscription) -> Change,
    ) {
        self.table.read(world);
        let index = world.rng.usize(..self.table.states.len().max(1));
        let Some((id, (partition, state))) = self.table.states.iter().nth(index) else { return };
        // Hardly anybody goes on about what is deleted.
        if state.status() == Status::Deleted && world.rng.u32(..4) > 0 {
            return;
        }
        let change = wish(world, state);
        let (id, partition) = (id.clone(), *partition);
        self.ask_for(world, partition, id, change);
    }

    /// Of what expires, most of the time.
    fn renew(&mut self, world: &mut Surroundings) {
        self.table.read(world);
        let any = world.rng.u32(..10) == 0;
        let expiring = self.table.states.iter().filter(|(_, (_, state))| any || state.expires_at_ms != 0);
        let Some((id, (partition, _))) = world.rng.choice(expiring.collect::<Vec<_>>()) else { return };
        let (id, partition) = (id.clone(), *partition);
        self.ask_for(world, partition, id, Change::Renew(Renew {}));
    }

    /// Some mean the version that they saw.
    fn ask_for(&mut self, world: &mut Surroundings, partition: usize, id: String, change: Change) {
        let seen = self.table.states.get(&id).map_or(0, |(_, state)| state.version);
        let expected_version = if world.rng.u32(..3) == 0 { seen } else { 0 };
        self.send(world, partition, id, expected_version, change);
    }

    fn send(
        &mut self,
        world: &mut Surroundings,
        partition: usize,
        subscription_id: String,
        expected_version: u64,
        change: Change,
    ) {
        let owner = if world.rng.u32(..40) == 0 { "another" } else { "owner" };
        let is_creation = matches!(change, Change::Create(_));
        let command = Command {
            scope: Some(Scope { partner: owner.into(), operator: "op".into() }),
            expected_version,
            actor: owner.into(),
            change: Some(change),
        };
        // Apart from the ids of deliveries, which count from 1 too.
        let command_id = (u128::from(world.fresh_id()) | 1 << 100).to_be_bytes();
        let asked = Asked { command_id, subscription_id, command };
        self.asked.push((partition, asked.clone()));
        if world.rng.u32(..8) == 0 {
            world.write(partition, Write::Command(Box::new(asked.clone())));
        }
        if is_creation {
            return world.append(partition, Write::Command(Box::new(asked)));
        }
        world.write(partition, Write::Command(Box::new(asked)));
    }

    /// The answer got lost, and the wish is sent once more, whatever has happened since.
    fn repeat(&mut self, world: &mut Surroundings) {
        if let Some((partition, asked)) = world.rng.choice(&self.asked) {
            let (partition, asked) = (*partition, asked.clone());
            world.write(partition, Write::Command(Box::new(asked)));
        }
    }
}

/// The one of portals has limits.
fn profile(world: &mut Surroundings) -> &'static str {
    match world.rng.u32(..3) {
        0 if world.leases.is_limited => "portal",
        0 | 1 => "flight",
        _ => "staffing",
    }
}

/// Some lead to the same host.
fn url_of(world: &mut Surroundings, id: &str) -> String {
    match world.rng.u32(..3) {
        0 if world.leases.is_limited => format!("https://shared.example/{id}/"),
        _ => format!("https://{id}.example/"),
    }
}

/// What some ask for.
fn limits(world: &mut Surroundings) -> Option<Limits> {
    let rates = [(0, 0), (10, 0), (60, 3), (600, 1), (6_000, 4)];
    let (rate_per_minute, burst) = world.rng.choice(rates).unwrap_or_default();
    let concurrency = world.rng.u32(..3);
    let said = Limits { rate_per_minute, burst, concurrency, timeout_ms: 0 };
    (world.leases.is_limited && world.rng.bool() && said != Limits::default()).then_some(said)
}

fn fresh_key(world: &mut Surroundings) -> Sealed {
    let nonce = bytes::Bytes::copy_from_slice(&world.fresh_id().to_be_bytes());
    Sealed { nonce, ..Sealed::default() }
}

fn update(world: &mut Surroundings, state: &Subscription) -> Change {
    let mut update = Update::default();
    if world.rng.bool() {
        update.callback_url = format!("{}{}", url_of(world, &state.id), world.fresh_id());
    }
    if world.rng.bool() {
        update.policy = world.rng.choice(POLICIES).map(str::to_owned);
    }
    if world.rng.u32(..6) == 0 {
        update.limits = Some(limits(world).unwrap_or_default());
    }
    match state.status() {
        Status::Inactive if world.rng.u32(..6) > 0 => update.set_status(Status::Active),
        Status::Active if world.rng.u32(..25) == 0 => update.set_status(Status::Inactive),
        _ => {}
    }
    Change::Update(update)
}

fn replace_key(world: &mut Surroundings, _: &Subscription) -> Change {
    let overlap_ms = world.rng.choice([0, 3_000, 20_000, 120_000]).unwrap_or(0);
    let signing_key = Some(fresh_key(world));
    Change::ReplaceSigningKey(ReplaceSigningKey { signing_key, overlap_ms })
}
