//! What is said of one subscription.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::Known;

/// Rows of one partition, and of one answer, at most.
pub const ROWS_MAX: usize = 200;

/// How a receiver does, as the deliverer of its subscription sees it; the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// It keeps failing: only probes are sent, the rest is parked.
    Shut,
    /// The last attempts failed.
    Failing,
    /// It asked for patience, with `Retry-After`.
    Paused,
    /// Its limit or that of its host delays it.
    Limited,
    /// Its answers take long.
    Slow,
    /// Nothing is wrong.
    #[default]
    Well,
    /// What a later version says and this one does not know.
    #[serde(other)]
    Unknown,
}

/// What a deliverer says of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sending {
    /// Whose lane it is.
    pub subscription_id: String,
    /// Its name; empty: it has none, or is not known.
    pub name: String,
    /// On whose behalf.
    pub operator: String,
    /// `host:port` of its URL, and nothing else of it.
    pub host: String,
    /// How its receiver does.
    pub lane: Lane,
    /// Deliveries that wait in memory.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Requests open now.
    pub open: u64,
    /// How long answers take of late.
    pub answer_ms: u64,
    /// Attempts that failed since the last success.
    pub failures_in_row: u64,
    /// When the first of those began, by the wall clock; 0: none did.
    pub failing_since_ms: i64,
    /// Until it may be sent to again, where it is paused or limited.
    pub resumes_in_ms: u64,
}

/// What a scheduler says of a subscription for which something is parked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parked {
    /// Whose deliveries they are.
    pub subscription_id: String,
    /// So many wait for a credit.
    pub parked: u64,
    /// On their way to the deliverer.
    pub outstanding: u64,
    /// So many may be on their way at once.
    pub window: u64,
    /// Only probes are sent.
    pub shut: bool,
    /// Until the next probe, where it is shut.
    pub next_probe_in_ms: u64,
}

/// How many subscriptions the lists of all partitions have, of which an answer has the most urgent only.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// Of those that are sent to, by how their receivers do.
    pub sending: BTreeMap<Lane, u64>,
    /// A partition's list was full: of those that do like this or better there may be more.
    pub sending_more_from: Option<Lane>,
    /// Of those for which something is parked.
    pub parked: u64,
    /// And so many of these are only probed.
    pub shut: u64,
    /// A partition's list of what is parked was full: there may be more.
    pub parked_more: bool,
}

/// Something that partitions publish.
pub trait Row: Clone {
    /// Smaller: more urgent.
    fn urgency(&self) -> impl Ord;

    /// Where the lists of all partitions are.
    fn lists(lists: &mut Lists) -> &mut BTreeMap<u64, Vec<Self>>;
}

/// What the partitions of a process told last, by publisher.
#[derive(Default)]
pub struct Lists {
    pub(super) sending: BTreeMap<u64, Vec<Sending>>,
    pub(super) parked: BTreeMap<u64, Vec<Parked>>,
}

impl Lists {
    /// What is said of one subscription; while a partition moves, by whoever says the worst.
    pub(super) fn known_of(&self, subscription_id: &str) -> Known {
        let sending = self.sending.values().flatten().filter(|row| row.subscription_id == subscription_id);
        let parked = self.parked.values().flatten().filter(|row| row.subscription_id == subscription_id);
        Known {
            sending: sending.min_by_key(|row| row.lane).cloned(),
            parked: parked.max_by_key(|row| row.parked).cloned(),
            sending_partitions: self.sending.values().filter(|rows| rows.len() < ROWS_MAX).count(),
            parked_partitions: self.parked.values().filter(|rows| rows.len() < ROWS_MAX).count(),
        }
    }

    /// Of everything that was told.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for rows in self.sending.values() {
            rows.iter().for_each(|row| *totals.sending.entry(row.lane).or_default() += 1);
            // The worst stand first.
            let last = rows.last().filter(|_| rows.len() >= ROWS_MAX).map(|row| row.lane);
            totals.sending_more_from = [totals.sending_more_from, last].into_iter().flatten().min();
        }
        for rows in self.parked.values() {
            totals.parked += rows.len() as u64;
            totals.shut += rows.iter().filter(|row| row.shut).count() as u64;
            totals.parked_more |= rows.len() >= ROWS_MAX;
        }
        totals
    }
}

impl Row for Sending {
    fn urgency(&self) -> impl Ord {
        (
            self.lane,
            Reverse((self.waiting, self.failures_in_row, self.answer_ms)),
            self.subscription_id.clone(),
        )
    }

    fn lists(lists: &mut Lists) -> &mut BTreeMap<u64, Vec<Self>> {
        &mut lists.sending
    }
}

impl Row for Parked {
    fn urgency(&self) -> impl Ord {
        (Reverse((self.parked, self.shut)), self.subscription_id.clone())
    }

    fn lists(lists: &mut Lists) -> &mut BTreeMap<u64, Vec<Self>> {
        &mut lists.parked
    }
}

/// So many of them, in the order of their urgency.
pub(super) fn most_urgent<R: Row>(mut rows: Vec<R>, limit: usize) -> Vec<R> {
    rows.sort_by(|a, b| a.urgency().cmp(&b.urgency()));
    rows.truncate(limit);
    rows
}
