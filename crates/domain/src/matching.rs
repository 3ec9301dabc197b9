//! The subscription table: which subscriptions an event is for. A fold of `subscriptions` without secrets or URLs, held
//! by every fanout process as a whole, so every byte counts a million times.

mod near;

pub use near::{Addressed, Miss, Nearness, near, why_not};

use crate::catalogue::Environment;
use aerogram_wire::{
    partitioner::partition_of,
    v1::{Event, Status, Subscription},
};
use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

/// What is known of a subscription that an event may be for.
#[derive(PartialEq, Eq, Debug)]
pub struct Entry {
    pub id: Box<str>,
    pub operator: Arc<str>,
    pub partner: Arc<str>,
    /// Empty: every contract of the operator.
    contract: Box<str>,
    /// 0: never.
    expires_at_ms: i64,
    /// Of the topics whose partitions speak of subscriptions.
    pub partition: i32,
    slot: Slot,
}

/// Event type and environment in a number that fits where an entry would only have padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Slot(u32);

/// A number for each event type that a subscription named. Whether there is such a type is not asked here: api checks it
/// before it takes a subscription, ingest before it takes an event. So there are never more than a catalogue holds, and
/// none is given back.
#[derive(Default, Debug)]
struct TypeNumbers(HashMap<Box<str>, u32>);

impl TypeNumbers {
    /// `None`: no subscription named the type, or there is no such environment; nothing can match.
    fn slot(&self, event_type: &str, environment: &str) -> Option<Slot> {
        let environment = match Environment::parse(environment)? {
            Environment::Production => 0,
            Environment::NonProduction => 1,
        };
        Some(Slot(self.0.get(event_type)? << 1 | environment))
    }

    /// As [`Self::slot`], for a type that may be new.
    fn slot_or_new(&mut self, event_type: &str, environment: &str) -> Option<Slot> {
        if !self.0.contains_key(event_type) {
            let next = u32::try_from(self.0.len()).ok()?;
            self.0.insert(event_type.into(), next);
        }
        self.slot(event_type, environment)
    }
}

/// All active subscriptions.
#[derive(Debug)]
pub struct Table {
    partitions: i32,
    types: TypeNumbers,
    by_id: HashSet<ById>,
    groups: HashMap<Arc<str>, HashMap<Slot, Vec<Arc<Entry>>>>,
    partners: HashSet<Arc<str>>,
    positions: Box<[i64]>,
}

impl Table {
    /// An empty table for this pinned number of `subscriptions` partitions.
    pub fn new(partitions: i32) -> Self {
        Self {
            partitions,
            types: TypeNumbers::default(),
            by_id: HashSet::new(),
            groups: HashMap::new(),
            partners: HashSet::new(),
            positions: vec![-1; usize::try_from(partitions).unwrap_or_default()].into(),
        }
    }

    /// Applies the record of `subscriptions` at this position: the state of a subscription, or `None` for a tombstone.
    /// Records of a partition come in their order.
    pub fn apply(&mut self, partition: i32, offset: i64, id: &str, state: Option<&Subscription>) {
        self.remove(id);
        if let Some(state) = state.filter(|s| s.status() == Status::Active)
            && let Some(slot) = self.types.slot_or_new(&state.event_type, &state.environment)
        {
            self.insert(id, state, slot);
        }
        if let Some(position) = usize::try_from(partition).ok().and_then(|p| self.positions.get_mut(p)) {
            *position = offset;
        }
    }

    /// The subscriptions that `event` is for, `at_ms` being now: operator, type and environment are equal, the contract
    /// is the subscription's unless that takes all of them, and the subscription has not expired.
    pub fn matching<'t>(&'t self, event: &'t Event, at_ms: i64) -> impl Iterator<Item = &'t Arc<Entry>> {
        let slot = self.types.slot(&event.r#type, &event.environment);
        let group = slot.and_then(|slot| self.groups.get(event.operator.as_str())?.get(&slot));
        group.into_iter().flatten().filter(move |entry| {
            (entry.contract.is_empty() || *entry.contract == *event.contract)
                && (entry.expires_at_ms == 0 || at_ms < entry.expires_at_ms)
        })
    }

    /// The last offset of `subscriptions` that was read, by partition; -1: none.
    pub fn positions(&self) -> &[i64] {
        &self.positions
    }

    /// Active subscriptions, expired ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn insert(&mut self, id: &str, state: &Subscription, slot: Slot) {
        let (partner, operator) = state.scope.as_ref().map_or(("", ""), |s| (&s.partner, &s.operator));
        let operator = match self.groups.get_key_value(operator) {
            Some((known, _)) => Arc::clone(known),
            None => operator.into(),
        };
        let entry = Arc::new(Entry {
            id: id.into(),
            operator: Arc::clone(&operator),
            partner: self.partner(partner),
            contract: state.contract.as_str().into(),
            expires_at_ms: state.expires_at_ms,
            partition: partition_of(id.as_bytes(), self.partitions),
            slot,
        });
        self.by_id.insert(ById(Arc::clone(&entry)));
        self.groups.entry(operator).or_default().entry(slot).or_default().push(entry);
    }

    fn remove(&mut self, id: &str) {
        let Some(ById(entry)) = self.by_id.take(id) else { return };
        let Some(slots) = self.groups.get_mut(&entry.operator) else { return };
        if let Some(group) = slots.get_mut(&entry.slot) {
            if let Some(index) = group.iter().position(|e| Arc::ptr_eq(e, &entry)) {
                group.swap_remove(index);
            }
            if group.is_empty() {
                slots.remove(&entry.slot);
            }
        }
        if slots.is_empty() {
            self.groups.remove(&entry.operator);
        }
        // One in the set, one in the entry that is about to go.
        if Arc::strong_count(&entry.partner) <= 2 {
            self.partners.remove(&entry.partner);
        }
    }

    /// One copy of each partner's name.
    fn partner(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.partners.get(name) {
            return Arc::clone(known);
        }
        let partner: Arc<str> = name.into();
        self.partners.insert(Arc::clone(&partner));
        partner
    }
}

/// An entry found by its id, without a second copy of the id.
#[derive(Debug)]
struct ById(Arc<Entry>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Scope;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    pub(super) const TYPES: [&str; 3] = ["FLIGHT_CREATE", "PRODUCT_ADDED", "ADDED_BY_A_PLATFORM_TEAM"];
    pub(super) const ENVIRONMENTS: [&str; 3] = ["production", "non-production", ""];

    prop_compose! {
        pub(super) fn subscriptions()(
            operator in "[ab]", contract in prop::sample::select(vec!["", "c", "d"]), event_type in 0..3_usize,
            environment in 0..3_usize, status in prop::sample::select(vec![Status::Active, Status::Active, Status::Inactive, Status::Deleted]),
            expires_at_ms in prop::sample::select(vec![0, 100, 200]), partner in "[xy]",
        ) -> Subscription {
            Subscription {
                scope: Some(Scope { partner, operator }), contract: contract.to_owned(), expires_at_ms,
                event_type: TYPES[event_type].to_owned(), environment: ENVIRONMENTS[environment].to_owned(),
                status: status.into(), ..Subscription::default()
            }
        }
    }

    /// The rule as one would say it.
    fn is_for(subscription: &Subscription, event: &Event, now_ms: i64) -> bool {
        let production = |e: &str| e.is_empty() || e == "production";
        subscription.status() == Status::Active
            && subscription.scope.as_ref().is_some_and(|s| s.operator == event.operator)
            && subscription.event_type == event.r#type
            && production(&subscription.environment) == production(&event.environment)
            && (subscription.contract.is_empty() || subscription.contract == event.contract)
            && (subscription.expires_at_ms == 0 || now_ms < subscription.expires_at_ms)
    }

    proptest! {
        #[test]
        fn agrees_with_the_rule(
            changes in prop::collection::vec((0..12_u8, prop::option::weighted(0.9, subscriptions())), 0..80)
        ) {
            let mut table = Table::new(4);
            let mut model = BTreeMap::new();
            for (offset, (id, state)) in (0_i64..).zip(&changes) {
                let id = format!("sub-{id}");
                table.apply(1, offset, &id, state.as_ref());
                match state {
                    Some(state) => model.insert(id, state.clone()),
                    None => model.remove(&id),
                };
            }
            for (operator, contract, event_type, environment, now_ms) in [
                ("a", "c", 0, 0, 99), ("a", "", 0, 0, 100), ("b", "d", 1, 1, 150), ("b", "c", 1, 0, 199),
                ("a", "d", 0, 1, 0), ("b", "", 0, 0, 200), ("a", "c", 2, 0, 99), ("b", "d", 2, 1, 0), ("a", "c", 1, 0, 1), ("c", "c", 0, 0, 1),
            ] {
                let event = Event {
                    operator: operator.to_owned(), contract: contract.to_owned(), r#type: TYPES[event_type].to_owned(),
                    environment: ENVIRONMENTS[environment].to_owned(), ..Event::default()
                };
                let found: Vec<&str> = table.matching(&event, now_ms).map(|e| &*e.id).collect();
                let expected: BTreeSet<&str> =
                    model.iter().filter(|(_, s)| is_for(s, &event, now_ms)).map(|(id, _)| id.as_str()).collect();
                prop_assert_eq!(found.len(), expected.len(), "one match for each");
                prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            }
            prop_assert_eq!(table.positions(), [-1, i64::try_from(changes.len()).unwrap() - 1, -1, -1]);
            for id in 0..12 {
                table.apply(2, 1, &format!("sub-{id}"), None);
            }
            prop_assert!(table.is_empty() && table.groups.is_empty() && table.partners.is_empty(), "nothing is left behind");
        }
    }

    #[test]
    fn an_entry_stays_small() {
        // With a 36 character id, its place in the set and in its group this makes about 200 bytes a subscription.
        assert!(size_of::<Entry>() <= 88, "{}", size_of::<Entry>());
    }

    #[test]
    fn an_entry_knows_the_partition_of_its_subscription() {
        let mut table = Table::new(7);
        let scope = Some(Scope { partner: "p".into(), operator: "a".into() });
        let state = Subscription {
            scope,
            event_type: TYPES[0].into(),
            status: Status::Active.into(),
            ..Subscription::default()
        };
        table.apply(0, 5, "sub-1", Some(&state));
        let event = Event { operator: "a".into(), r#type: TYPES[0].into(), ..Event::default() };
        let found = table.matching(&event, 0).next().unwrap();
        assert_eq!((found.partition, &*found.partner), (partition_of(b"sub-1", 7), "p"));
    }
}
