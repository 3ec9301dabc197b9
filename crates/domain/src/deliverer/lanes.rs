//! The lanes of a partition, and whose turn it is: operators take turns, and the lanes of each.

use super::lane::{Lane, LaneConfig, Waits, Went};
use super::pace::Limited;
use crate::limits::{Installation, Key, Terms, Wait};
use aerogram_wire::v1::Subscription;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Those with a lane that can go.
#[derive(Default)]
struct Operator {
    ready: VecDeque<String>,
    /// Of those that are not slow.
    open: usize,
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
    /// Open requests of slow lanes.
    slow_open: usize,
    /// And of those of which nobody knows yet.
    new_open: usize,
}

impl Lanes {
    pub fn new(config: LaneConfig) -> Self {
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
            slow_open: 0,
            new_open: 0,
        }
    }

    /// Whether a delivery that comes now would wait too long.
    pub fn is_too_late(&self, now_ms: i64, subscription_id: &str) -> bool {
        self.by_subscription.get(subscription_id).is_some_and(|lane| {
            lane.is_shut(&self.config)
                || lane.wait_ms(&self.config, now_ms, lane.waiting()) > self.config.wait_max_ms
        })
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

    /// Its subscription changed: a limit may be another one, and where it begins `anew` so does what is known of the receiver.
    pub fn changed(&mut self, id: &str, anew: bool) {
        let Some(lane) = self.by_subscription.get_mut(id) else { return };
        let limited = lane.limited.take().map(|limited| (limited.until_ms, limited.turn));
        let was_limited = limited.is_some_and(|at| self.limited.remove(&at).is_some());
        let was_paused = anew && self.paused.remove(&(lane.paused_until_ms(), id.to_owned()));
        if anew {
            lane.begin_anew();
        }
        if was_limited || was_paused {
            self.list_again(id);
        }
    }

    /// What a subscription that has a lane allows.
    pub fn learn(&mut self, subscription: &Subscription, installation: &Installation) -> Option<Arc<Terms>> {
        let lane = self.by_subscription.get_mut(&subscription.id)?;
        Some(lane.learn(subscription.version, || installation.terms(subscription)))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Lane)> {
        self.by_subscription.iter()
    }

    /// The next record whose lane has room, with a request opened in it. Of the places, `free` are not taken. No lane has more
    /// than are free, and no operator more than twice as many, so that something is always left for others. Slow ones keep
    /// their places for long: all of them together get a quarter, which is not counted as their operator's. Of new ones nobody
    /// knows yet, so together they get half.
    pub fn next(&mut self, now_ms: i64, free: usize) -> Option<i64> {
        for _ in 0..self.turns.len() {
            let name = self.turns.pop_front()?;
            let (offset, more) = self.next_of(&name, now_ms, free);
            if more {
                self.turns.push_back(name);
            } else if let Some(operator) = self.operators.get_mut(&name) {
                operator.listed = false;
                self.forget_operator_if_idle(&name);
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
        if operator.open >= 2 * free {
            return (None, !operator.ready.is_empty());
        }
        let slow_max = self.config.slow_places();
        // Those that were found to be slow while they were new have more than their share.
        let new_open = self.new_open + self.slow_open.saturating_sub(slow_max);
        let (slow_full, new_full) = (self.slow_open >= slow_max, new_open >= self.config.places.div_ceil(2));
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
            if lane.paused_until_ms() > now_ms {
                self.paused.insert((lane.paused_until_ms(), id));
                continue;
            }
            if if lane.slow { slow_full } else { lane.open() >= free || (new_full && lane.is_new()) } {
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
                self.new_open += usize::from(lane.is_new());
                *if lane.slow { &mut self.slow_open } else { &mut operator.open } += 1;
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
        let (operator, waits) = (lane.operator.clone(), lane.waiting() > 0);
        self.new_open -= usize::from(lane.is_new());
        if lane.slow {
            self.slow_open -= 1;
        } else if let Some(operator) = self.operators.get_mut(&operator) {
            operator.open = operator.open.saturating_sub(1);
        }
        if waits {
            self.list(subscription_id);
        } else {
            self.forget_if_idle(now_ms, subscription_id);
        }
        self.forget_operator_if_idle(&operator);
        self.look_how_slow(now_ms, subscription_id);
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
            let was_new = lane.is_new();
            lane.went(now_ms, went, took_ms);
            if was_new && !lane.is_new() {
                self.new_open -= lane.open();
            }
            if let Some(until_ms) = pause_until_ms {
                lane.pause(until_ms);
            }
        }
    }

    /// What it has open counts as a slow lane's from the look on that finds it slow, until one that does not.
    fn look_how_slow(&mut self, now_ms: i64, id: &str) {
        let Some(lane) = self.by_subscription.get_mut(id) else { return };
        let slow = lane.is_slow(&self.config, now_ms);
        if lane.slow == slow {
            return;
        }
        let (open, was_new) = (lane.open(), lane.is_new());
        lane.slow = slow;
        if was_new != lane.is_new() {
            // Slow before anything was answered, or no more without an answer.
            self.new_open = if was_new { self.new_open - open } else { self.new_open + open };
        }
        if open > 0 {
            let operator = &mut self.operators.entry(lane.operator.clone()).or_default().open;
            let (from, to) =
                if slow { (operator, &mut self.slow_open) } else { (&mut self.slow_open, operator) };
            *from = from.saturating_sub(open);
            *to += open;
        }
    }

    /// Takes out what waits too long in a lane.
    pub fn take_too_late(&mut self, now_ms: i64, subscription_id: &str) -> Vec<i64> {
        let config = self.config.clone();
        self.change(subscription_id, |lane| lane.take_too_late(&config, now_ms)).unwrap_or_default()
    }

    /// The same in all lanes: the oldest request of each has grown older.
    pub fn take_all_too_late(&mut self, now_ms: i64) -> Vec<i64> {
        let busy = |(id, lane): (&String, &Lane)| (lane.waiting() > 0 || lane.open() > 0).then(|| id.clone());
        // In one order, whatever the map's is.
        let ids: BTreeSet<_> = self.by_subscription.iter().filter_map(busy).collect();
        ids.iter().for_each(|id| self.look_how_slow(now_ms, id));
        let slow_ones =
            ids.iter().filter(|id| self.by_subscription.get(*id).is_some_and(|lane| lane.slow)).count();
        for id in &ids {
            if let Some(lane) = self.by_subscription.get_mut(id) {
                lane.slow_ones = slow_ones;
            }
        }
        ids.iter().flat_map(|id| self.take_too_late(now_ms, id)).collect()
    }

    /// What the receiver drains within the time that a delivery may wait.
    pub fn window(&self, now_ms: i64, subscription_id: &str) -> usize {
        let lane = self.by_subscription.get(subscription_id);
        lane.map_or(self.config.concurrency, |lane| lane.window(&self.config, now_ms))
    }

    /// Not begun: the lane waits until the table moves on.
    pub fn hold_stale(&mut self, now_ms: i64, operator: &str, subscription_id: &str, waits: Waits) {
        if self.put_back(operator, subscription_id, waits) {
            self.stale.push(subscription_id.to_owned());
            self.stale_since_ms.get_or_insert(now_ms);
        }
    }

    /// Not begun: a limit holds the lane back; whether none did before.
    pub fn hold_limited(&mut self, now_ms: i64, operator: &str, id: &str, waits: Waits, wait: Wait) -> bool {
        if !self.put_back(operator, id, waits) {
            return false;
        }
        let Some(lane) = self.by_subscription.get_mut(id) else { return false };
        let turn = lane.limited.as_ref().map_or(self.next_turn, |limited| limited.turn);
        self.next_turn += 1;
        let until_ms = wait.until_ms.max(now_ms + 1);
        self.limited.insert((until_ms, turn), id.to_owned());
        lane.limit(now_ms, Limited { until_ms, turn, key: wait.key })
    }

    /// A request got the tokens it needs.
    pub fn sent(&mut self, subscription_id: &str) {
        if let Some(lane) = self.by_subscription.get_mut(subscription_id) {
            lane.sent();
        }
    }

    /// So much was leased for a limit: as many of those that it holds back are tried.
    pub fn resume_limited_by(&mut self, key: &Key, granted: usize) {
        let held = |id: &String| {
            let lane = self.by_subscription.get(id);
            lane.and_then(|lane| lane.limited.as_ref()).is_some_and(|limited| limited.key == *key)
        };
        let held = self.limited.extract_if(.., |_, id| held(id));
        let ids: Vec<_> = held.take(granted).map(|(_, id)| id).collect();
        ids.iter().for_each(|id| self.list_again(id));
    }

    /// The record [`Lanes::next`] gave was not begun after all. The lane is not among what is ready any more.
    fn put_back(&mut self, operator: &str, id: &str, waits: Waits) -> bool {
        let was_listed = self.by_subscription.get(id).is_some_and(|lane| lane.listed);
        let mut was_new = false;
        let back = self.change(id, |lane| {
            was_new = lane.is_new();
            lane.end(waits.offset);
            lane.push_front(waits);
            lane.listed = true;
            lane.slow
        });
        self.new_open -= usize::from(was_new);
        if back == Some(true) {
            self.slow_open -= 1;
        }
        if let Some(operator) = self.operators.get_mut(operator) {
            operator.open = operator.open.saturating_sub(usize::from(back == Some(false)));
            // Where it stands when it has just been taken from.
            if was_listed && operator.ready.pop_back_if(|last| last == id).is_none() {
                operator.ready.retain(|ready| ready != id);
            }
        }
        back.is_some()
    }

    pub fn recheck_stale(&mut self) {
        for id in std::mem::take(&mut self.stale) {
            self.list_again(&id);
        }
        self.stale_since_ms = None;
    }

    pub fn stale_since(&self) -> Option<i64> {
        self.stale_since_ms
    }

    /// Those whose receivers may be asked again, and those that a limit may let go.
    pub fn resume(&mut self, now_ms: i64) {
        while self.paused.first().is_some_and(|(until_ms, _)| *until_ms <= now_ms)
            && let Some((_, id)) = self.paused.pop_first()
        {
            self.list_again(&id);
        }
        while self.limited.first_key_value().is_some_and(|((until_ms, _), _)| *until_ms <= now_ms)
            && let Some((_, id)) = self.limited.pop_first()
        {
            self.list_again(&id);
        }
    }

    /// When [`Lanes::resume`] has something to do.
    pub fn resumes_ms(&self) -> Option<i64> {
        let paused = self.paused.first().map(|(until_ms, _)| *until_ms);
        let limited = self.limited.first_key_value().map(|((until_ms, _), _)| *until_ms);
        paused.into_iter().chain(limited).min()
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

    fn forget_operator_if_idle(&mut self, name: &str) {
        if self.operators.get(name).is_some_and(|o| o.open == 0 && !o.listed && o.ready.is_empty()) {
            self.operators.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
