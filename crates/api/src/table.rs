//! All subscriptions in memory, by owner, without their secrets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use aerogram_domain::subscription::without_secrets;
use aerogram_kafka::Record;
use aerogram_telemetry::names;
use aerogram_wire::v1::{Scope, Status, Subscription};

use crate::fold::Folded;
use crate::records::{self, BadRecord};

/// The subscriptions of everyone. Whoever asks must name the owner, so another pair's are out of reach.
#[derive(Default)]
pub struct Table {
    owners: RwLock<HashMap<Owner, BTreeMap<String, Arc<Subscription>>>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Owner {
    partner: String,
    operator: String,
}

impl Owner {
    pub fn new(partner: &str, operator: &str) -> Self {
        Self { partner: partner.to_owned(), operator: operator.to_owned() }
    }

    pub fn scope(&self) -> Scope {
        Scope { partner: self.partner.clone(), operator: self.operator.clone() }
    }
}

impl Folded for Table {
    fn take(&self, partition: i32, record: &Record) -> Result<(), BadRecord> {
        self.apply(records::subscription(partition, record)?);
        Ok(())
    }
}

impl Table {
    /// Takes in the next state of a subscription.
    pub fn apply(&self, subscription: Subscription) {
        let Some(scope) = &subscription.scope else { return };
        let owner = Owner::new(&scope.partner, &scope.operator);
        let (status, fails) = (subscription.status(), fails(&subscription));
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        let before = if status == Status::Deleted {
            let Some(theirs) = owners.get_mut(&owner) else { return };
            let before = theirs.remove(&subscription.id);
            if theirs.is_empty() {
                owners.remove(&owner);
            }
            before
        } else {
            let kept = Arc::new(without_secrets(subscription));
            owners.entry(owner).or_default().insert(kept.id.clone(), kept)
        };
        drop(owners);
        let failed = before.as_deref().is_some_and(self::fails);
        metrics::gauge!(names::SUBSCRIPTIONS_FAILING).increment(f64::from(fails) - f64::from(failed));
        count(before.map(|b| b.status()), -1.0);
        count(Some(status), 1.0);
    }

    pub fn get(&self, owner: &Owner, id: &str) -> Option<Arc<Subscription>> {
        self.owners.read().unwrap_or_else(PoisonError::into_inner).get(owner)?.get(id).cloned()
    }

    /// The same for an administrator, who need not know whose it is.
    pub fn find(&self, id: &str) -> Option<Arc<Subscription>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        owners.values().find_map(|theirs| theirs.get(id)).cloned()
    }

    /// The owner's subscriptions, the oldest first.
    pub fn list(&self, owner: &Owner) -> Vec<Arc<Subscription>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let theirs: Vec<_> = owners.get(owner).map(|t| t.values().cloned().collect()).unwrap_or_default();
        drop(owners);
        oldest_first(theirs)
    }

    /// Those of the owner's that are named, the oldest first.
    pub fn list_of(&self, owner: &Owner, ids: &BTreeSet<String>) -> Vec<Arc<Subscription>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = owners.get(owner).into_iter().flat_map(|theirs| ids.iter().map(|id| theirs.get(id)));
        let named: Vec<_> = theirs.flatten().cloned().collect();
        drop(owners);
        oldest_first(named)
    }

    /// Looks at each subscription on behalf of the operator, whosever it is. Nothing is changed meanwhile, so it is to be quick.
    pub fn look_at_all_of(&self, operator: &str, mut look: impl FnMut(&Subscription)) {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = owners.iter().filter(|(owner, _)| owner.operator == operator);
        theirs.flat_map(|(_, theirs)| theirs.values()).for_each(|subscription| look(subscription));
    }

    /// How many the owner has.
    pub fn count(&self, owner: &Owner) -> usize {
        self.owners.read().unwrap_or_else(PoisonError::into_inner).get(owner).map_or(0, BTreeMap::len)
    }
}

fn oldest_first(mut subscriptions: Vec<Arc<Subscription>>) -> Vec<Arc<Subscription>> {
    subscriptions.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
    subscriptions
}

/// What is inactive is called no more. Nor is what has expired, which nobody writes down, so it counts on.
fn fails(subscription: &Subscription) -> bool {
    subscription.status() == Status::Active && subscription.failing_since_ms != 0
}

/// Counts what was last written; expiry is not written, so an expired subscription counts as active here.
fn count(status: Option<Status>, by: f64) {
    let label = match status {
        Some(Status::Active) => "active",
        Some(Status::Inactive) => "inactive",
        Some(Status::Deleted | Status::Unspecified) | None => return,
    };
    metrics::gauge!(names::SUBSCRIPTIONS, "status" => label).increment(by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Sealed;

    fn subscription(id: &str, partner: &str, created_at_ms: i64, status: Status) -> Subscription {
        Subscription {
            id: id.into(),
            scope: Some(Scope { partner: partner.into(), operator: "op".into() }),
            created_at_ms,
            status: status.into(),
            signing_key: Some(Sealed::default()),
            ..Subscription::default()
        }
    }

    #[test]
    fn owners_see_their_own_in_the_order_of_creation() {
        let table = Table::default();
        for (id, partner, created) in
            [("b", "mine", 2), ("c", "mine", 1), ("a", "mine", 2), ("d", "other", 0)]
        {
            table.apply(subscription(id, partner, created, Status::Active));
        }
        let mine = Owner::new("mine", "op");
        let ids: Vec<_> = table.list(&mine).iter().map(|s| s.id.clone()).collect();
        assert_eq!(ids, ["c", "a", "b"]);
        let named = ["b", "c", "d", "e"].map(str::to_owned).into();
        let named: Vec<_> = table.list_of(&mine, &named).iter().map(|s| s.id.clone()).collect();
        assert_eq!(named, ["c", "b"]);
        assert!(table.list_of(&Owner::new("nobody", "op"), &["a".to_owned()].into()).is_empty());
        assert_eq!(table.count(&mine), 3);
        assert!(table.get(&mine, "d").is_none());
        assert!(table.get(&Owner::new("mine", "another"), "a").is_none());
        assert_eq!(table.get(&mine, "a").unwrap().signing_key, None);
    }

    #[test]
    fn a_note_is_taken_in_though_it_is_no_other_version() {
        let table = Table::default();
        let state = subscription("a", "mine", 1, Status::Active);
        for failing_since_ms in [0, 7, 0, 9] {
            table.apply(Subscription { failing_since_ms, version: 3, ..state.clone() });
            let kept = table.get(&Owner::new("mine", "op"), "a").unwrap();
            assert_eq!((kept.failing_since_ms, fails(&kept)), (failing_since_ms, failing_since_ms != 0));
        }
    }

    #[test]
    fn deleted_ones_are_gone() {
        let table = Table::default();
        let mine = Owner::new("mine", "op");
        table.apply(subscription("a", "mine", 1, Status::Active));
        table.apply(subscription("a", "mine", 1, Status::Inactive));
        assert_eq!(table.get(&mine, "a").unwrap().status(), Status::Inactive);
        table.apply(subscription("a", "mine", 1, Status::Deleted));
        table.apply(subscription("never-seen", "mine", 1, Status::Deleted));
        assert_eq!((table.get(&mine, "a"), table.count(&mine)), (None, 0));
        assert!(table.owners.read().unwrap().is_empty());
    }
}
