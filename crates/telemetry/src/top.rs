//! What `GET /top` shows: the subscriptions that need the most attention, as each partition of this process told last.
//!
//! A partition publishes a bounded list about once a second; it is gone when the partition is. Names, operators and hosts
//! are shown, never a URL or a secret.

mod page;
mod rows;
mod state;

pub use page::TopPage;
pub use rows::{Lane, Parked, ROWS_MAX, Row, Sending, Totals};
pub use state::{Known, State};

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use rows::{Lists, most_urgent};

/// Least time between two lists of one partition.
const AGAIN_MS: i64 = 1_000;

static OF_PROCESS: LazyLock<Top> = LazyLock::new(Top::default);

/// What the partitions of a process told last; cheap to clone.
#[derive(Clone, Default)]
pub struct Top {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    /// Tells this process from others: one may be asked at several addresses.
    process: String,
    /// Of the next publisher.
    number: u64,
    lists: Lists,
}

impl Default for Shared {
    fn default() -> Self {
        let process = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { process, number: 0, lists: Lists::default() }
    }
}

impl Top {
    /// The one that the admin server of this process shows.
    #[must_use]
    pub fn of_process() -> Self {
        OF_PROCESS.clone()
    }

    /// For a partition that sends.
    #[must_use]
    pub fn sending(&self) -> Publisher<Sending> {
        Publisher::new(self.clone())
    }

    /// For a partition of what waits.
    #[must_use]
    pub fn parked(&self) -> Publisher<Parked> {
        Publisher::new(self.clone())
    }

    /// The most urgent of all partitions, `limit` that send and as many that wait; never more than [`ROWS_MAX`].
    #[must_use]
    pub fn page(&self, limit: usize) -> TopPage {
        let shared = locked(&self.shared);
        let limit = limit.min(ROWS_MAX);
        TopPage {
            process: shared.process.clone(),
            sending_partitions: shared.lists.sending.len(),
            parked_partitions: shared.lists.parked.len(),
            troubles: Vec::new(),
            totals: shared.lists.totals(),
            sending: most_urgent(shared.lists.sending.values().flatten().cloned().collect(), limit),
            parked: most_urgent(shared.lists.parked.values().flatten().cloned().collect(), limit),
        }
    }
}

/// What one partition shows; nothing any more when it is dropped.
pub struct Publisher<R: Row> {
    top: Top,
    number: u64,
    next_ms: i64,
    _of: std::marker::PhantomData<fn(R)>,
}

impl<R: Row> Publisher<R> {
    fn new(top: Top) -> Self {
        let mut shared = locked(&top.shared);
        let number = shared.number;
        shared.number += 1;
        R::lists(&mut shared.lists).insert(number, Vec::new());
        drop(shared);
        Self { top, number, next_ms: i64::MIN, _of: std::marker::PhantomData }
    }

    /// Shows what `rows` makes of a number of rows to be shown at most, unless that was done less than a second ago by the
    /// monotonic clock.
    pub fn publish(&mut self, mono_ms: i64, rows: impl FnOnce(usize) -> Vec<R>) {
        if mono_ms < self.next_ms {
            return;
        }
        self.next_ms = mono_ms.saturating_add(AGAIN_MS);
        let mut rows = rows(ROWS_MAX);
        rows.truncate(ROWS_MAX);
        R::lists(&mut locked(&self.top.shared).lists).insert(self.number, rows);
    }
}

impl<R: Row> Drop for Publisher<R> {
    fn drop(&mut self) {
        R::lists(&mut locked(&self.top.shared).lists).remove(&self.number);
    }
}

/// Lists are replaced as a whole, so a panic elsewhere leaves nothing half done.
fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sending(id: &str, lane: Lane, waiting: u64) -> Sending {
        Sending { subscription_id: id.to_owned(), lane, waiting, ..Sending::default() }
    }

    fn ids(rows: &[Sending]) -> Vec<&str> {
        rows.iter().map(|row| row.subscription_id.as_str()).collect()
    }

    #[test]
    fn what_hurts_most_stands_first_whatever_partition_it_is_in() {
        let top = Top::default();
        let (mut one, mut other) = (top.sending(), top.sending());
        one.publish(0, |_| vec![sending("slow", Lane::Slow, 5), sending("well", Lane::Well, 900)]);
        other.publish(0, |_| vec![sending("shut", Lane::Shut, 0), sending("slower", Lane::Slow, 9)]);
        let page = top.page(3);
        assert_eq!(ids(&page.sending), ["shut", "slower", "slow"]);
        assert_eq!((page.sending_partitions, page.parked_partitions), (2, 0));
    }

    #[test]
    fn a_partition_tells_once_a_second_and_is_gone_with_its_publisher() {
        let top = Top::default();
        let mut publisher = top.sending();
        publisher.publish(0, |_| vec![sending("a", Lane::Slow, 1)]);
        publisher.publish(999, |_| panic!("too early"));
        publisher.publish(1_000, |_| vec![sending("b", Lane::Slow, 1)]);
        assert_eq!(ids(&top.page(9).sending), ["b"]);
        drop(publisher);
        assert_eq!(top.page(9).sending_partitions, 0);
    }

    #[test]
    fn no_list_is_longer_than_the_bound() {
        let top = Top::default();
        let mut publisher = top.parked();
        let row = |n: u64| Parked { subscription_id: n.to_string(), parked: n, ..Parked::default() };
        publisher.publish(0, |most| (0..2 * most as u64).map(row).collect());
        let page = top.page(usize::MAX);
        assert_eq!(page.parked.len(), ROWS_MAX);
        assert!(page.totals.parked_more, "there are more than it was told of");
    }

    #[test]
    fn how_many_there_are_does_not_depend_on_how_many_are_asked_for() {
        let top = Top::default();
        let (mut one, mut other, mut waits) = (top.sending(), top.sending(), top.parked());
        one.publish(0, |most| (0..most).map(|n| sending(&n.to_string(), Lane::Shut, 1)).collect());
        other.publish(0, |_| vec![sending("a", Lane::Shut, 1), sending("b", Lane::Well, 1)]);
        let row =
            |id: &str, shut| Parked { subscription_id: id.into(), parked: 1, shut, ..Parked::default() };
        waits.publish(0, |_| vec![row("a", true), row("b", false)]);
        let page = top.page(1);
        assert_eq!((page.sending.len(), page.parked.len()), (1, 1));
        let expected = Totals {
            sending: [(Lane::Shut, ROWS_MAX as u64 + 1), (Lane::Well, 1)].into(),
            sending_more_from: Some(Lane::Shut),
            parked: 2,
            shut: 1,
            parked_more: false,
        };
        assert_eq!(page.totals, expected);
    }

    #[test]
    fn a_later_version_may_know_more_states() {
        let said = r#"{"sending": [{"subscriptionId": "a", "lane": "dreaming"}, {"subscriptionId": "b"}],
                       "totals": {"sending": {"dreaming": 3, "shut": 2}}, "more": 1}"#;
        let page: TopPage = serde_json::from_str(said).unwrap();
        assert_eq!((page.sending[0].lane, page.sending[1].lane), (Lane::Unknown, Lane::Well));
        assert_eq!(page.totals.sending, [(Lane::Shut, 2), (Lane::Unknown, 3)].into());
        let again: TopPage = serde_json::from_str(&serde_json::to_string(&page).unwrap()).unwrap();
        assert_eq!(again, page);
    }
}
