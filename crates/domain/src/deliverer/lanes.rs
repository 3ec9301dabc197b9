//! The lanes of a partition, and whose turn it is: operators take turns, and the lanes of each.

mod held;
#[cfg(test)]
mod tests;

use super::lane::{Lane, LaneConfig, Waits, Went};
use super::places::{Places, Speed};
use crate::limits::{Installation, Terms};
use crate::subscription::is_same_receiver;
use aerogram_wire::v1::Subscription;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Those with a lane that can go.
#[derive(Default)]
struct Operator {
    ready: VecDeque<String>,
    listed: bool,
}

pub struct Lanes {
    config: LaneConfig,
    by_subscription: HashMap<String, Lane>,
    operators: HashMap<String, Operator>,
    /// Operators with something ready.
    turns: VecDeque<String>,
    /// The head waits for the table to reach its position.
    stale: Vec<String>,
    stale_since_ms: Option<i64>,
    /// Lanes whose receivers asked for patience, by when it ends.
    paused: BTreeSet<(i64, String)>,
    /// Lanes that a limit holds back, by when they are tried again, and then by who waits the longest.
    limited: BTreeMap<(i64, u64), String>,
    next_turn: u64,
    /// Lanes that are full.
    full: usize,
    places: Places,
}

impl Lanes {
    /// With so many requests that may be open.
    pub fn new(config: LaneConfig, places: usize) -> Self {
        Self {
            config,
            by_subscription: HashMap::new(),
            operators: HashMap::new(),
            turns: VecDeque::new(),
            stale: Vec::new(),
            stale_since_ms: None,
            paused: BTreeSet::new(),
            limited: BTreeMap::new(),
            next_turn: 0,
            full: 0,
            places: Places::new(places),
        }
    }

    /// Whether a delivery that comes now would wait too long.
    pub fn is_too_late(&self, now_ms: i64, subscription_id: &str) -> bool {
        self.by_subscription.get(subscription_id).is_some_and(|lane| {
            lane.is_shut(&self.config) || lane.is_too_late(&self.config, &self.places, now_ms, lane.waiting())
        })
    }

    /// The same of a test event.
    pub fn is_too_late_once(&self, now_ms: i64, subscription_id: &str) -> bool {
        let lane = self.by_subscription.get(subscription_id);
        lane.is_some_and(|lane| lane.is_too_late_once(&self.config, &self.places, now_ms))
    }

    /// Until when its receiver asked for more patience than a delivery may wait here, by the monotonic clock.
    pub fn paused_long_until_ms(&self, now_ms: i64, subscription_id: &str) -> Option<i64> {
        let lane = self.by_subscription.get(subscription_id)?;
        lane.is_paused_long(&self.config, now_ms).then(|| lane.paused_until_ms())
    }

    /// Whether its receiver fails.
    pub fn is_shut(&self, subscription_id: &str) -> bool {
        self.by_subscription.get(subscription_id).is_some_and(|lane| lane.is_shut(&self.config))
    }

    pub fn push_back(&mut self, operator: &str, subscription_id: &str, waits: Waits) {
        self.grow(operator, subscription_id, |lane| lane.push_back(waits));
    }

    /// Next in its lane: an attempt that follows at once.
    pub fn push_front(&mut self, operator: &str, subscription_id: &str, waits: Waits) {
        self.grow(operator, subscription_id, |lane| lane.push_front(waits));
    }

    fn grow(&mut self, operator: &str, id: &str, push: impl FnOnce(&mut Lane)) {
        if !self.by_subscription.contains_key(id) {
            self.by_subscription.insert(id.to_owned(), Lane::default());
        }
        self.change(id, |lane| {
            if lane.operator != operator {
                operator.clone_into(&mut lane.operator);
            }
            push(lane);
        });
        self.list(id);
    }

    /// What changes how much waits in a lane.
    fn change<T>(&mut self, id: &str, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let lane = self.by_subscription.get_mut(id)?;
        let was_full = lane.is_full(&self.config);
        let changed = change(lane);
        self.full = self.full + usize::from(lane.is_full(&self.config)) - usize::from(was_full);
        Some(changed)
    }

    /// Its subscription changed: what it allows may be something else, and with another receiver what was known of the one
    /// `before` says nothing.
    pub fn changed(
        &mut self,
        before: Option<&Subscription>,
        state: &Subscription,
        installation: &Installation,
    ) {
        let Some(lane) = self.by_subscription.get_mut(&state.id) else { return };
        let limited = lane.limited.take().map(|limited| (limited.until_ms, limited.turn));
        let mut was_held = limited.is_some_and(|at| self.limited.remove(&at).is_some());
        if !before.is_some_and(|before| is_same_receiver(before, state)) {
            was_held |= self.paused.remove(&(lane.paused_until_ms(), state.id.clone()));
            lane.begin_anew();
        }
        lane.learn(state.version, || installation.terms(state));
        if was_held {
            self.list_again(&state.id);
        }
    }

    /// What a subscription that has a lane allows.
    pub fn learn(&mut self, subscription: &Subscription, installation: &Installation) -> Option<Arc<Terms>> {
        let lane = self.by_subscription.get_mut(&subscription.id)?;
        Some(lane.learn(subscription.version, || installation.terms(subscription)))
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Whether others have subscriptions in the partition too.
    pub fn set_shared(&mut self, shared: bool) {
        self.places.shared = shared;
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Lane)> {
        self.by_subscription.iter()
    }

    /// The next record whose lane has room, with a request opened in it; `free`: so many more may be open.
    pub fn next(&mut self, now_ms: i64, free: usize) -> Option<i64> {
        for _ in 0..self.turns.len() {
            let name = self.turns.pop_front()?;
            let (offset, more) = self.next_of(&name, now_ms, free);
            if more {
                self.turns.push_back(name);
            } else {
                self.operators.remove(&name);
            }
            if offset.is_some() {
                return offset;
            }
        }
        None
    }

    /// And whether the operator has more that is ready.
    fn next_of(&mut self, name: &str, now_ms: i64, free: usize) -> (Option<i64>, bool) {
        let Some(operator) = self.operators.get_mut(name) else { return (None, false) };
        if self.places.has_none_for(name, free) {
            return (None, !operator.ready.is_empty());
        }
        let (mut found, mut emptied) = (None, Vec::new());
        for _ in 0..operator.ready.len() {
            let Some(id) = operator.ready.pop_front() else { break };
            let Some(lane) = self.by_subscription.get_mut(&id) else { continue };
            if lane.waiting() == 0 || lane.open() >= lane.concurrency(&self.config) {
                // It is listed again when something comes or a request ends.
                lane.listed = false;
                if lane.waiting() == 0 {
                    lane.limited = None;
                    emptied.push(id);
                }
                continue;
            }
            if lane.paused_until_ms() > now_ms && !lane.begins_with_once() {
                self.paused.insert((lane.paused_until_ms(), id));
                continue;
            }
            if !self.places.has_one_for(lane.speed, lane.open(), free) {
                operator.ready.push_back(id);
                continue;
            }
            let was_full = lane.is_full(&self.config);
            let waits = lane.pop_front();
            self.full -= usize::from(was_full && !lane.is_full(&self.config));
            lane.listed = lane.waiting() > 0;
            if lane.listed {
                operator.ready.push_back(id);
            }
            if let Some(waits) = waits {
                lane.begin(now_ms, waits.offset);
                self.places.take(name, lane.speed, 1);
                found = Some(waits.offset);
                break;
            }
        }
        let more = !operator.ready.is_empty();
        emptied.iter().for_each(|id| self.forget_if_idle(now_ms, id));
        (found, more)
    }

    /// The record's request is over, or was not begun.
    pub fn close(&mut self, now_ms: i64, subscription_id: &str, offset: i64) {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return };
        if !lane.end(offset) {
            return;
        }
        self.places.give_back(&lane.operator, lane.speed, 1);
        let waits = lane.waiting() > 0;
        self.count_anew(now_ms, subscription_id);
        if waits {
            self.list(subscription_id);
        } else {
            self.forget_if_idle(now_ms, subscription_id);
        }
    }

    /// How an attempt went, and until when the receiver asks for patience; before its request is closed.
    pub fn went(
        &mut self,
        now_ms: i64,
        subscription_id: &str,
        went: Went,
        took_ms: i64,
        pause_until_ms: Option<i64>,
    ) {
        if let Some(lane) = self.by_subscription.get_mut(subscription_id) {
            lane.went(now_ms, went, took_ms);
            if let Some(until_ms) = pause_until_ms {
                lane.pause(until_ms);
            }
        }
    }

    /// What it has open counts as its receiver does now.
    fn count_anew(&mut self, now_ms: i64, id: &str) {
        let Some(lane) = self.by_subscription.get_mut(id) else { return };
        let speed = lane.measured(&self.config, now_ms);
        self.places.give_back(&lane.operator, lane.speed, lane.open());
        self.places.take(&lane.operator, speed, lane.open());
        lane.speed = speed;
    }

    /// Takes out what waits too long in a lane.
    pub fn take_too_late(&mut self, now_ms: i64, subscription_id: &str) -> Vec<i64> {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return Vec::new() };
        let was_full = lane.is_full(&self.config);
        let late = lane.take_too_late(&self.config, &self.places, now_ms);
        self.full -= usize::from(was_full && !lane.is_full(&self.config));
        late
    }

    /// The same in all lanes: the oldest request of each has grown older.
    pub fn take_all_too_late(&mut self, now_ms: i64) -> Vec<i64> {
        let busy = |(id, lane): (&String, &Lane)| (lane.waiting() > 0 || lane.open() > 0).then(|| id.clone());
        // In one order, whatever the map's is.
        let ids: BTreeSet<_> = self.by_subscription.iter().filter_map(busy).collect();
        ids.iter().for_each(|id| self.count_anew(now_ms, id));
        let is_slow =
            |id: &&String| self.by_subscription.get(*id).is_some_and(|lane| lane.speed == Speed::Slow);
        self.places.slow_lanes = ids.iter().filter(is_slow).count();
        ids.iter().flat_map(|id| self.take_too_late(now_ms, id)).collect()
    }

    /// What the receiver drains within the time that a delivery may wait.
    pub fn window(&self, now_ms: i64, subscription_id: &str) -> usize {
        let lane = self.by_subscription.get(subscription_id);
        lane.map_or(self.config.concurrency, |lane| lane.window(&self.config, &self.places, now_ms))
    }

    pub fn any_full(&self) -> bool {
        self.full > 0
    }

    fn list_again(&mut self, id: &str) {
        if let Some(lane) = self.by_subscription.get_mut(id) {
            lane.listed = false;
            self.list(id);
        }
    }

    fn list(&mut self, id: &str) {
        let Some(lane) = self.by_subscription.get_mut(id) else { return };
        if std::mem::replace(&mut lane.listed, true) {
            return;
        }
        let operator = self.operators.entry(lane.operator.clone()).or_default();
        operator.ready.push_back(id.to_owned());
        if !std::mem::replace(&mut operator.listed, true) {
            self.turns.push_back(lane.operator.clone());
        }
    }

    fn forget_if_idle(&mut self, now_ms: i64, id: &str) {
        let max = self.config.remembered_max;
        // Of what is remembered half is for those that do not do well.
        let idle = |lane: &Lane| {
            let max = if lane.is_unremarkable(now_ms) { max / 2 } else { max };
            lane.is_idle() && (lane.is_unknown(now_ms) || self.by_subscription.len() > max)
        };
        if self.by_subscription.get(id).is_some_and(idle) {
            self.by_subscription.remove(id);
        }
    }
}
