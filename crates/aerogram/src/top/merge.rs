//! What several processes say of one subscription becomes one row; the rows that hurt most stand first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use aerogram_domain::time::iso_millis;
pub use aerogram_telemetry::top::State;
use aerogram_telemetry::top::{Parked, Sending, TopPage};
use serde::Serialize;

use super::ask::{Asked, Unreached};
use super::totals::{Beyond, Total};

/// A receiver that fails for longer stands among the worst, however little waits for it.
const FAILING_LONG_MS: i64 = 60_000;

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub subscription_id: String,
    pub state: State,
    pub name: String,
    pub operator: String,
    pub host: String,
    /// In the deliverer's memory.
    pub waiting: u64,
    pub waiting_bytes: u64,
    /// Not known when no scheduler was asked.
    pub parked: Option<u64>,
    /// Of those parked so many are on their way, and so many may be.
    pub outstanding: u64,
    pub window: u64,
    pub open: u64,
    pub answer_ms: u64,
    pub failures_in_row: u64,
    pub failing_since: Option<String>,
    #[serde(skip)]
    pub failing_for_ms: i64,
    pub resumes_in_ms: Option<u64>,
    pub next_probe_in_ms: Option<u64>,
}

/// All there is to see at a time.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    pub at: String,
    /// That answered.
    pub processes: usize,
    pub sending_partitions: usize,
    pub parked_partitions: usize,
    pub subscriptions: Vec<Shown>,
    /// How many there are of each state, shown or not.
    pub states: BTreeMap<State, Total>,
    /// Of these so many are not shown.
    pub left_out: u64,
    /// What the processes say is not as it should be with themselves.
    pub troubles: Vec<String>,
    pub unreached: Vec<Unreached>,
    /// What the deliverers called those of this picture: the next one may have some from the schedulers alone.
    #[serde(skip)]
    known: BTreeMap<String, Known>,
}

/// What only deliverers know.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    operator: String,
    host: String,
}

impl Picture {
    /// `now_ms` by the wall clock.
    pub fn of(asked: Asked, now_ms: i64, limit: usize) -> Self {
        Self::with(asked, now_ms, limit, &BTreeMap::new())
    }

    /// The next one: what was known of subscriptions is known still.
    pub fn followed_by(&self, asked: Asked, now_ms: i64, limit: usize) -> Self {
        Self::with(asked, now_ms, limit, &self.known)
    }

    /// Everybody was reached, and both who sends and who holds what waits are among them.
    pub const fn is_complete(&self) -> bool {
        self.unreached.is_empty() && self.sending_partitions > 0 && self.parked_partitions > 0
    }

    fn with(asked: Asked, now_ms: i64, limit: usize, known: &BTreeMap<String, Known>) -> Self {
        let sum = |of: fn(&TopPage) -> usize| asked.pages.iter().map(of).fold(0, usize::saturating_add);
        let (sending_partitions, parked_partitions) =
            (sum(|page| page.sending_partitions), sum(|page| page.parked_partitions));
        let processes = asked.pages.len();
        let mut by_id: BTreeMap<String, (Option<Sending>, Option<Parked>)> = BTreeMap::new();
        let mut beyond = Beyond::default();
        for page in asked.pages {
            beyond.add(&page);
            for row in page.sending {
                let (sending, _) = by_id.entry(row.subscription_id.clone()).or_default();
                *sending = Some(match sending.take() {
                    Some(other) => both_sending(other, row),
                    None => row,
                });
            }
            for row in page.parked {
                let (_, parked) = by_id.entry(row.subscription_id.clone()).or_default();
                *parked = Some(match parked.take() {
                    Some(other) => both_parked(other, row),
                    None => row,
                });
            }
        }
        let sent: BTreeSet<String> =
            by_id.iter().filter(|(_, (sending, _))| sending.is_some()).map(|(id, _)| id.clone()).collect();
        let mut subscriptions: Vec<Shown> = by_id
            .into_iter()
            .map(|(id, (sending, parked))| {
                let mut shown = shown(id, sending, parked, parked_partitions > 0, now_ms);
                if let Some(known) = known.get(&shown.subscription_id).filter(|_| shown.host.is_empty()) {
                    shown.name.clone_from(&known.name);
                    shown.operator.clone_from(&known.operator);
                    shown.host.clone_from(&known.host);
                }
                shown
            })
            .collect();
        subscriptions.sort_by(|a, b| urgency(a).cmp(&urgency(b)));
        let known = subscriptions.iter().filter(|shown| !shown.host.is_empty()).map(known_of).collect();
        let told = subscriptions.iter().map(|shown| (shown.state, sent.contains(&shown.subscription_id)));
        let states = beyond.totals(told);
        subscriptions.truncate(limit);
        let all = states.values().fold(0, |sum: u64, total| sum.saturating_add(total.count));
        let left_out = all.saturating_sub(subscriptions.len() as u64);
        Self {
            at: iso_millis(now_ms),
            processes,
            sending_partitions,
            parked_partitions,
            subscriptions,
            states,
            left_out,
            troubles: asked.troubles,
            unreached: asked.unreached,
            known,
        }
    }
}

/// Smaller: it hurts more.
fn urgency(shown: &Shown) -> impl Ord {
    let class = match shown.state {
        State::Shut => 0,
        State::Failing if shown.failing_for_ms > FAILING_LONG_MS => 0,
        State::Well => 2,
        _ => 1,
    };
    let backlog = shown.waiting.saturating_add(shown.parked.unwrap_or(0));
    let worst = Reverse((shown.failing_for_ms, shown.failures_in_row, shown.answer_ms));
    (class, Reverse(backlog), shown.state, worst, shown.subscription_id.clone())
}

fn known_of(shown: &Shown) -> (String, Known) {
    let Shown { subscription_id, name, operator, host, .. } = shown;
    (subscription_id.clone(), Known { name: name.clone(), operator: operator.clone(), host: host.clone() })
}

fn shown(
    subscription_id: String,
    sending: Option<Sending>,
    parked: Option<Parked>,
    parked_is_known: bool,
    now_ms: i64,
) -> Shown {
    let state = State::of_both(sending.as_ref(), parked.as_ref());
    let sending = sending.unwrap_or_default();
    let waits = parked.as_ref().map(|parked| parked.parked);
    let parked = parked.unwrap_or_default();
    // What was noted of a receiver is taken back a moment after it does well again.
    let fails = sending.failures_in_row > 0 || matches!(state, State::Shut | State::Failing);
    let failing = fails && sending.failing_since_ms > 0;
    Shown {
        subscription_id,
        state,
        name: sending.name,
        operator: sending.operator,
        host: sending.host,
        waiting: sending.waiting,
        waiting_bytes: sending.waiting_bytes,
        parked: waits.or(parked_is_known.then_some(0)),
        outstanding: parked.outstanding,
        window: parked.window,
        open: sending.open,
        answer_ms: sending.answer_ms,
        failures_in_row: sending.failures_in_row,
        failing_since: failing.then(|| iso_millis(sending.failing_since_ms)),
        failing_for_ms: if failing { now_ms.saturating_sub(sending.failing_since_ms).max(1) } else { 0 },
        resumes_in_ms: matches!(state, State::Paused | State::Limited).then_some(sending.resumes_in_ms),
        next_probe_in_ms: parked.shut.then_some(parked.next_probe_in_ms),
    }
}

/// While a partition moves, its old and its new owner may both tell of it.
fn both_sending(a: Sending, b: Sending) -> Sending {
    let (worse, other) = if a.lane <= b.lane { (a, b) } else { (b, a) };
    Sending {
        waiting: worse.waiting.saturating_add(other.waiting),
        waiting_bytes: worse.waiting_bytes.saturating_add(other.waiting_bytes),
        open: worse.open.saturating_add(other.open),
        ..worse
    }
}

/// The same for what waits, which both have in full.
fn both_parked(a: Parked, b: Parked) -> Parked {
    if a.parked >= b.parked { a } else { b }
}

#[cfg(test)]
mod tests;
