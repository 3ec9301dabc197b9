//! The fold of `subscriptions`: what is known of each, how far it was read, and since when that is known to be the end.
//!
//! "Nothing is sent after a deletion was applied" is worth nothing if it may be applied any time later: so the end is
//! asked for again and again, and nothing is sent while none that was asked for lately has been reached.

use super::{Action, Config};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use aerogram_wire::v1::{Status, Subscription};
use std::collections::HashMap;
use std::sync::Arc;

/// An end, and when it was asked for.
#[derive(Clone, Copy)]
struct End {
    offset: i64,
    asked_ms: i64,
}

#[derive(Default)]
pub struct Table {
    /// States, and where they were read.
    states: HashMap<String, (i64, Arc<Subscription>)>,
    /// Of these, active.
    active: usize,
    /// Everything below this offset was read.
    next: i64,
    /// As far the table has every state. Beyond, one that was read may follow one that was compacted away before.
    whole: i64,
    /// Read to its end once: before, a later deletion could be overlooked.
    folded: bool,
    /// The latest end that was reached was asked for then.
    reached_ms: i64,
    /// An end that is not reached, and how far the table was when it was told.
    missing: Option<(End, i64)>,
    /// When the end was asked for, until it is told.
    asked_ms: Option<i64>,
    next_ask_ms: i64,
}

impl Table {
    /// The end that the reading begins with was asked for at `now`.
    pub fn new(now: Now) -> Self {
        Self { reached_ms: now.mono_ms, next_ask_ms: now.mono_ms, ..Self::default() }
    }

    pub fn read(&mut self, offset: i64, state: Option<Subscription>) {
        if let Some(state) = state {
            self.active += usize::from(is_active(&state));
            let before = self.states.insert(state.id.clone(), (offset, Arc::new(state)));
            self.active -= usize::from(before.is_some_and(|(_, before)| is_active(&before)));
        }
        self.next = self.next.max(offset + 1);
        self.note_reached();
    }

    /// The reader returned all there was, which was at least `end`.
    pub fn read_to_end(&mut self, end: i64) {
        self.next = self.next.max(end);
        self.whole = self.next;
        self.folded = true;
        self.note_reached();
    }

    pub fn is_folded(&self) -> bool {
        self.folded
    }

    /// Whether all changes older than `age_max_ms` are applied.
    #[cfg(test)]
    fn is_current(&self, now: Now, age_max_ms: i64) -> bool {
        now.mono_ms < self.current_until_ms(age_max_ms)
    }

    /// From then on it is no longer current, unless another end is reached before.
    pub fn current_until_ms(&self, age_max_ms: i64) -> i64 {
        match (self.folded, removed(Rule::TableAge)) {
            (false, _) => i64::MIN,
            (true, true) => i64::MAX,
            (true, false) => self.reached_ms + age_max_ms + 1,
        }
    }

    /// Grows with everything that is applied.
    pub fn position(&self) -> i64 {
        self.next
    }

    pub fn get(&self, subscription_id: &str) -> Option<&Arc<Subscription>> {
        self.states.get(subscription_id).map(|(_, state)| state)
    }

    /// Whether more than one of the subscriptions is active.
    pub fn is_shared(&self) -> bool {
        self.active > 1
    }

    /// Whether the table has what fanout had when it read `subscriptions` up to `position`. Fanout had an active state
    /// there: where ours says otherwise and is older, the one between was compacted away, and another follows.
    pub fn is_fresh(&self, subscription_id: &str, position: i64) -> bool {
        let known = self.states.get(subscription_id);
        let older = |(at, state): &(i64, Arc<Subscription>)| *at <= position && !is_active(state);
        let misses_a_state = position >= self.whole && known.is_none_or(older);
        position < self.next && !misses_a_state
    }

    /// Asks for the end when it is time.
    pub fn ask_if_due(&mut self, now: Now, config: &Config, out: &mut Vec<Action>) {
        if now.mono_ms >= self.next_ask_ms && self.asked_ms.is_none() {
            self.next_ask_ms = now.mono_ms + config.table_ask_interval_ms;
            self.asked_ms = Some(now.mono_ms);
            out.push(Action::ProbeTableEnd);
        }
    }

    /// The end is this; `None`: it could not be found out.
    pub fn told(&mut self, end: Option<i64>, out: &mut Vec<Action>) {
        let (Some(asked_ms), Some(offset)) = (self.asked_ms.take(), end) else { return };
        let stood_at = self.missing.map(|(_, at)| at);
        self.missing = Some((End { offset, asked_ms }, self.next));
        self.note_reached();
        if self.missing.is_some() && self.folded && stood_at == Some(self.next) {
            // Nothing came since the last time: offsets up to the end hold no records (transaction markers, or what was
            // compacted away). Only a new read tells that for sure.
            out.push(Action::ReadTableAgain { offset: self.next, end: offset });
        }
    }

    fn note_reached(&mut self) {
        if let Some((end, _)) = self.missing
            && self.next >= end.offset
        {
            self.missing = None;
            self.reached_ms = self.reached_ms.max(end.asked_ms);
        }
    }
}

fn is_active(state: &Subscription) -> bool {
    state.status() == Status::Active
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: i64) -> Now {
        Now { wall_ms: 0, mono_ms }
    }

    #[test]
    fn it_is_current_only_while_an_end_asked_for_lately_is_reached() {
        let (config, mut out) = (Config::default(), Vec::new());
        let mut table = Table::new(at(0));
        assert!(!table.is_current(at(0), 5_000), "not folded");
        table.read_to_end(4);
        assert!(table.is_current(at(5_000), 5_000));
        assert!(!table.is_current(at(5_001), 5_000));
        table.ask_if_due(at(5_001), &config, &mut out);
        table.told(Some(6), &mut out);
        assert!(!table.is_current(at(5_001), 5_000), "two records are missing");
        table.read(4, None);
        assert!(!table.is_current(at(5_001), 5_000));
        table.read(5, None);
        assert!(table.is_current(at(10_001), 5_000));
        assert!(!table.is_current(at(10_002), 5_000));
    }

    #[test]
    fn it_is_shared_while_two_are_active() {
        let mut table = Table::new(at(0));
        let mut read = |id: &str, status: Status| {
            table.read(
                0,
                Some(Subscription { id: id.into(), status: status.into(), ..Subscription::default() }),
            );
            table.is_shared()
        };
        assert!(!read("a", Status::Active) && !read("a", Status::Active) && !read("b", Status::Inactive));
        assert!(read("b", Status::Active) && read("c", Status::Active) && read("a", Status::Deleted));
        assert!(!read("c", Status::Inactive) && read("c", Status::Active));
    }

    #[test]
    fn an_end_behind_which_nothing_comes_is_read_again() {
        let (config, mut out) = (Config::default(), Vec::new());
        let mut table = Table::new(at(0));
        table.read_to_end(4);
        for (asked, actions) in [(0, 1), (1_000, 3)] {
            table.ask_if_due(at(asked), &config, &mut out);
            table.told(Some(5), &mut out);
            assert_eq!(out.len(), actions);
        }
        assert!(matches!(out.last(), Some(Action::ReadTableAgain { offset: 4, end: 5 })));
        table.read_to_end(5);
        assert!(table.is_current(at(6_000), 5_000), "as of the second question");
        assert!(!table.is_current(at(6_001), 5_000));
    }
}
