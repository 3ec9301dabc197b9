//! How many subscriptions there are of each state, of which a picture has the most urgent only.

use std::collections::BTreeMap;

use aerogram_telemetry::top::{Lane, TopPage};
use serde::Serialize;

use super::merge::State;

/// Subscriptions of one state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    pub count: u64,
    /// Somebody has more than it can tell of.
    pub or_more: bool,
}

/// What the processes have beyond the rows they told.
#[derive(Default)]
pub struct Beyond {
    /// Of what is sent, by state.
    unseen: BTreeMap<State, u64>,
    more_from: Option<Lane>,
    /// All that are only probed, seen or not; 0: none was left out.
    probed: u64,
    parked_is_cut: bool,
    parked_more: bool,
}

impl Beyond {
    pub fn add(&mut self, page: &TopPage) {
        let totals = &page.totals;
        for (lane, total) in &totals.sending {
            let seen = page.sending.iter().filter(|row| row.lane == *lane).count() as u64;
            let unseen = self.unseen.entry(State::of(*lane)).or_default();
            *unseen = unseen.saturating_add(total.saturating_sub(seen));
        }
        self.more_from = [self.more_from, totals.sending_more_from].into_iter().flatten().min();
        if totals.parked > page.parked.len() as u64 {
            self.parked_is_cut = true;
            self.probed = self.probed.saturating_add(totals.shut);
        }
        self.parked_more |= totals.parked_more;
    }

    /// With the rows that were told: the state of each, and whether a deliverer told of it. Those of which only a scheduler told
    /// may be among what a deliverer has beyond, so they are not counted twice.
    pub fn totals(&self, rows: impl Iterator<Item = (State, bool)>) -> BTreeMap<State, Total> {
        let mut told: BTreeMap<State, (u64, u64)> = BTreeMap::new();
        for (state, sent) in rows {
            let (all, sending) = told.entry(state).or_default();
            (*all, *sending) = (*all + 1, *sending + u64::from(sent));
        }
        let total = |state: State| {
            let (all, sending) = told.get(&state).copied().unwrap_or_default();
            let unseen = self.unseen.get(&state).copied().unwrap_or_default();
            let probed = if state == State::Shut { self.probed } else { 0 };
            let or_more = match state {
                State::Paced => self.parked_is_cut || self.parked_more,
                State::Shut => self.parked_more || self.may_be_more(state),
                _ => self.may_be_more(state),
            };
            let count = all.max(sending.saturating_add(unseen)).max(probed);
            (state, Total { count, or_more: or_more && count > 0 })
        };
        State::ALL.into_iter().map(total).filter(|(_, total)| total.count > 0).collect()
    }

    fn may_be_more(&self, state: State) -> bool {
        self.more_from.is_some_and(|from| State::of(from) <= state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_telemetry::top::{Parked, Sending, Totals};

    fn page(rows: usize, totals: Totals) -> TopPage {
        let sending = (0..rows).map(|_| Sending { lane: Lane::Shut, ..Sending::default() }).collect();
        let parked = (0..rows).map(|_| Parked { shut: true, ..Parked::default() }).collect();
        TopPage { sending, parked, totals, ..TopPage::default() }
    }

    fn totals(pages: &[TopPage], rows: &[(State, bool)]) -> BTreeMap<State, Total> {
        let mut beyond = Beyond::default();
        pages.iter().for_each(|page| beyond.add(page));
        beyond.totals(rows.iter().copied())
    }

    #[test]
    fn those_without_a_row_are_counted_and_none_twice() {
        let said = Totals {
            sending: [(Lane::Shut, 5_000), (Lane::Well, 7)].into(),
            parked: 5_000,
            shut: 5_000,
            ..Totals::default()
        };
        // Two of which the deliverer told, and two others of which the scheduler did.
        let rows = [(State::Shut, true), (State::Shut, true), (State::Shut, false), (State::Shut, false)];
        let found = totals(&[page(2, said)], &rows);
        assert_eq!(found[&State::Shut], Total { count: 5_000, or_more: false });
        assert_eq!(found[&State::Well], Total { count: 7, or_more: false });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn who_could_not_tell_of_all_has_more_of_what_does_like_the_last_or_better() {
        let said = Totals {
            sending: [(Lane::Shut, 3), (Lane::Slow, 200)].into(),
            sending_more_from: Some(Lane::Slow),
            ..Totals::default()
        };
        let found = totals(&[page(3, said)], &[(State::Shut, true); 3]);
        assert_eq!(found[&State::Shut], Total { count: 3, or_more: false });
        assert_eq!(found[&State::Slow], Total { count: 200, or_more: true });
        let said = Totals { parked: 200, shut: 1, parked_more: true, ..Totals::default() };
        let found = totals(&[page(1, said)], &[(State::Shut, false), (State::Paced, false)]);
        assert_eq!(found[&State::Paced], Total { count: 1, or_more: true });
    }

    #[test]
    fn what_no_process_can_mean_does_no_harm() {
        let said = Totals { sending: [(Lane::Shut, u64::MAX)].into(), ..Totals::default() };
        let found = totals(&[page(0, said.clone()), page(0, said)], &[(State::Shut, true)]);
        assert_eq!(found[&State::Shut].count, u64::MAX);
    }
}
