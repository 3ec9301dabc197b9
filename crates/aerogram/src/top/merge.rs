//! What several processes say of one subscription becomes one row; the rows that hurt most stand first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aerogram_domain::time::iso_millis;
use aerogram_telemetry::top::{Lane, Parked, Sending};
use serde::Serialize;

use super::ask::{Asked, Unreached};

/// A receiver that fails for longer stands among the worst, however little waits for it.
const FAILING_LONG_MS: i64 = 60_000;

/// How a subscription does, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Shut,
    Failing,
    Paused,
    Limited,
    Slow,
    /// What was parked flows back by credits.
    Paced,
    Well,
}

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
    /// Subscriptions that were told of and have no place.
    pub left_out: usize,
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

    fn with(asked: Asked, now_ms: i64, limit: usize, known: &BTreeMap<String, Known>) -> Self {
        let sum =
            |of: fn(&aerogram_telemetry::top::TopPage) -> usize| asked.pages.iter().map(of).sum::<usize>();
        let (sending_partitions, parked_partitions) =
            (sum(|page| page.sending_partitions), sum(|page| page.parked_partitions));
        let processes = asked.pages.len();
        let mut by_id: BTreeMap<String, (Option<Sending>, Option<Parked>)> = BTreeMap::new();
        for page in asked.pages {
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
        let left_out = subscriptions.len().saturating_sub(limit);
        subscriptions.truncate(limit);
        Self {
            at: iso_millis(now_ms),
            processes,
            sending_partitions,
            parked_partitions,
            subscriptions,
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
    let backlog = shown.waiting + shown.parked.unwrap_or(0);
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
    let state = state(sending.as_ref(), parked.as_ref());
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
        failing_for_ms: if failing { (now_ms - sending.failing_since_ms).max(1) } else { 0 },
        resumes_in_ms: matches!(state, State::Paused | State::Limited).then_some(sending.resumes_in_ms),
        next_probe_in_ms: parked.shut.then_some(parked.next_probe_in_ms),
    }
}

/// The deliverer knows how the receiver does. After it started anew the scheduler knows more: that it sends probes only.
fn state(sending: Option<&Sending>, parked: Option<&Parked>) -> State {
    let probed = parked.is_some_and(|parked| parked.shut && parked.parked > 0);
    match sending.map(|sending| sending.lane) {
        Some(Lane::Shut) => State::Shut,
        None | Some(Lane::Failing) if probed => State::Shut,
        Some(Lane::Failing) => State::Failing,
        Some(Lane::Paused) => State::Paused,
        Some(Lane::Limited) => State::Limited,
        Some(Lane::Slow) => State::Slow,
        None | Some(Lane::Well) if parked.is_some_and(|parked| parked.parked > 0) => State::Paced,
        None | Some(Lane::Well) => State::Well,
    }
}

/// While a partition moves, its old and its new owner may both tell of it.
fn both_sending(a: Sending, b: Sending) -> Sending {
    let (worse, other) = if a.lane <= b.lane { (a, b) } else { (b, a) };
    Sending {
        waiting: worse.waiting + other.waiting,
        waiting_bytes: worse.waiting_bytes + other.waiting_bytes,
        open: worse.open + other.open,
        ..worse
    }
}

/// The same for what waits, which both have in full.
fn both_parked(a: Parked, b: Parked) -> Parked {
    if a.parked >= b.parked { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_telemetry::top::TopPage;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn sending(id: &str, lane: Lane) -> Sending {
        Sending {
            subscription_id: id.into(),
            lane,
            host: "hooks.example.com:443".into(),
            ..Sending::default()
        }
    }

    fn parked(id: &str, n: u64, shut: bool) -> Parked {
        Parked { subscription_id: id.into(), parked: n, shut, ..Parked::default() }
    }

    fn asked(pages: Vec<(Vec<Sending>, Vec<Parked>)>) -> Asked {
        let page = |(sending, parked)| TopPage {
            sending_partitions: 1,
            parked_partitions: 1,
            sending,
            parked,
            ..TopPage::default()
        };
        Asked { pages: pages.into_iter().map(page).collect(), ..Asked::default() }
    }

    fn states(picture: &Picture) -> Vec<(&str, State)> {
        picture.subscriptions.iter().map(|shown| (shown.subscription_id.as_str(), shown.state)).collect()
    }

    #[test]
    fn deliverer_and_scheduler_make_one_row() {
        let lane = Sending { waiting: 3, ..sending("a", Lane::Slow) };
        let picture =
            Picture::of(asked(vec![(vec![lane], vec![]), (vec![], vec![parked("a", 40, false)])]), NOW_MS, 9);
        let shown = &picture.subscriptions[0];
        assert_eq!((shown.state, shown.waiting, shown.parked), (State::Slow, 3, Some(40)));
        assert_eq!((picture.subscriptions.len(), picture.processes), (1, 2));
    }

    #[test]
    fn what_hurts_most_stands_first() {
        let long = |id, lane, failing_for_ms| Sending {
            failing_since_ms: NOW_MS - failing_for_ms,
            ..sending(id, lane)
        };
        let sending = vec![
            Sending { answer_ms: 900, ..sending("well", Lane::Well) },
            sending("limited", Lane::Limited),
            long("a moment", Lane::Failing, 2_000),
            long("once a day", Lane::Failing, 86_400_000),
            long("shut", Lane::Shut, 9_000),
            sending("slow", Lane::Slow),
        ];
        let waits = vec![parked("shut", 5, true), parked("slow", 900, false), parked("flows", 70, false)];
        let picture = Picture::of(asked(vec![(sending, waits)]), NOW_MS, 6);
        assert_eq!(
            states(&picture),
            [
                ("shut", State::Shut),
                ("once a day", State::Failing),
                ("slow", State::Slow),
                ("flows", State::Paced),
                ("a moment", State::Failing),
                ("limited", State::Limited),
            ]
        );
        assert_eq!(picture.left_out, 1);
    }

    #[test]
    fn what_is_only_probed_is_shut_although_its_deliverer_has_just_started() {
        let waits = || vec![parked("new", 9, true), parked("seen", 9, true), parked("well again", 9, true)];
        let lanes = vec![sending("seen", Lane::Failing), sending("well again", Lane::Well)];
        let picture = Picture::of(asked(vec![(lanes, waits())]), NOW_MS, 9);
        assert_eq!(
            states(&picture),
            [("new", State::Shut), ("seen", State::Shut), ("well again", State::Paced)]
        );
    }

    #[test]
    fn a_name_stays_when_the_deliverer_has_nothing_to_tell_for_a_moment() {
        let named = Sending { name: "crew".into(), ..sending("a", Lane::Well) };
        let first = Picture::of(asked(vec![(vec![named], vec![parked("a", 9, false)])]), NOW_MS, 9);
        let next = first.followed_by(asked(vec![(vec![], vec![parked("a", 8, false)])]), NOW_MS, 9);
        assert_eq!(next.subscriptions[0].name, "crew");
        assert_eq!(next.subscriptions[0].host, "hooks.example.com:443");
    }

    #[test]
    fn two_owners_at_once_are_not_counted_as_two_backlogs() {
        let lane = |n| vec![Sending { waiting: n, ..sending("a", Lane::Well) }];
        let picture = Picture::of(
            asked(vec![(lane(2), vec![parked("a", 9, false)]), (lane(3), vec![parked("a", 8, false)])]),
            NOW_MS,
            9,
        );
        assert_eq!((picture.subscriptions[0].waiting, picture.subscriptions[0].parked), (5, Some(9)));
    }

    #[test]
    fn without_a_scheduler_nobody_knows_what_is_parked() {
        let page =
            TopPage { sending_partitions: 1, sending: vec![sending("a", Lane::Slow)], ..TopPage::default() };
        let picture = Picture::of(Asked { pages: vec![page], ..Asked::default() }, NOW_MS, 9);
        assert_eq!(picture.subscriptions[0].parked, None);
    }
}
