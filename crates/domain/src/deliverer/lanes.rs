//! The lanes of a partition, and whose turn it is: operators take turns, and the lanes of each.

use super::lane::{Lane, LaneConfig, Waits, Went};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Those with a lane that can go.
#[derive(Default)]
struct Operator {
    ready: VecDeque<String>,
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
    /// Lanes that are full.
    full: usize,
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
            full: 0,
        }
    }

    /// Whether a delivery that comes now would wait too long.
    pub fn is_too_late(&self, now_ms: i64, subscription_id: &str) -> bool {
        self.by_subscription.get(subscription_id).is_some_and(|lane| {
            lane.is_shut(&self.config)
                || lane.wait_ms(&self.config, now_ms, lane.waiting.len()) > self.config.wait_max_ms
        })
    }

    /// Whether its receiver fails.
    pub fn is_shut(&self, subscription_id: &str) -> bool {
        self.by_subscription.get(subscription_id).is_some_and(|lane| lane.is_shut(&self.config))
    }

    pub fn push_back(&mut self, operator: &str, subscription_id: &str, waits: Waits) {
        self.grow(operator, subscription_id, |waiting| waiting.push_back(waits));
    }

    /// Next in its lane: an attempt that follows at once.
    pub fn push_front(&mut self, operator: &str, subscription_id: &str, waits: Waits) {
        self.grow(operator, subscription_id, |waiting| waiting.push_front(waits));
    }

    fn grow(&mut self, operator: &str, id: &str, push: impl FnOnce(&mut VecDeque<Waits>)) {
        let lane = self.by_subscription.entry(id.to_owned()).or_default();
        if lane.operator != operator {
            operator.clone_into(&mut lane.operator);
        }
        push(&mut lane.waiting);
        self.full += usize::from(lane.waiting.len() == self.config.capacity);
        self.list(id);
    }

    /// The next record whose lane has room, with a request opened in it. `free`: how many requests the partition may still
    /// begin. No lane has more open than are free, and no operator more than twice as many, so that something is always
    /// left for others.
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
        let mut found = None;
        for _ in 0..operator.ready.len() {
            let Some(id) = operator.ready.pop_front() else { break };
            let Some(lane) = self.by_subscription.get_mut(&id) else { continue };
            if lane.waiting.is_empty() || lane.open() >= self.config.concurrency {
                // It is listed again when something comes or a request ends.
                lane.listed = false;
                continue;
            }
            if lane.paused_until_ms() > now_ms {
                self.paused.insert((lane.paused_until_ms(), id));
                continue;
            }
            if lane.open() >= free {
                operator.ready.push_back(id);
                continue;
            }
            let waits = lane.waiting.pop_front();
            self.full -= usize::from(lane.waiting.len() + 1 == self.config.capacity);
            lane.listed = !lane.waiting.is_empty();
            if lane.listed {
                operator.ready.push_back(id);
            }
            if let Some(waits) = waits {
                lane.begin(now_ms, waits.offset);
                operator.open += 1;
                found = Some(waits.offset);
                break;
            }
        }
        (found, !operator.ready.is_empty())
    }

    /// The record's request is over, or was not begun.
    pub fn close(&mut self, now_ms: i64, subscription_id: &str, offset: i64) {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return };
        if !lane.end(offset) {
            return;
        }
        let (operator, waits) = (lane.operator.clone(), !lane.waiting.is_empty());
        if let Some(operator) = self.operators.get_mut(&operator) {
            operator.open = operator.open.saturating_sub(1);
        }
        if waits {
            self.list(subscription_id);
        } else {
            self.forget_if_idle(now_ms, subscription_id);
        }
        self.forget_operator_if_idle(&operator);
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

    /// Takes out what waits too long in a lane.
    pub fn take_too_late(&mut self, now_ms: i64, subscription_id: &str) -> Vec<i64> {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return Vec::new() };
        let was_full = lane.waiting.len() >= self.config.capacity;
        let late = lane.take_too_late(&self.config, now_ms);
        self.full -= usize::from(was_full && lane.waiting.len() < self.config.capacity);
        late
    }

    /// The same in all lanes: the oldest request of each has grown older.
    pub fn take_all_too_late(&mut self, now_ms: i64) -> Vec<i64> {
        let waiting = |(id, lane): (&String, &Lane)| (!lane.waiting.is_empty()).then(|| id.clone());
        // In one order, whatever the map's is.
        let ids: BTreeSet<_> = self.by_subscription.iter().filter_map(waiting).collect();
        ids.iter().flat_map(|id| self.take_too_late(now_ms, id)).collect()
    }

    /// What the receiver drains within the time that a delivery may wait.
    pub fn window(&self, subscription_id: &str) -> usize {
        let concurrency = self.config.concurrency;
        self.by_subscription.get(subscription_id).map_or(concurrency, |lane| lane.window(&self.config))
    }

    /// Not begun: the lane waits until the table moves on.
    pub fn hold_stale(&mut self, now_ms: i64, operator: &str, subscription_id: &str, waits: Waits) {
        let Some(lane) = self.by_subscription.get_mut(subscription_id) else { return };
        lane.end(waits.offset);
        lane.waiting.push_front(waits);
        lane.listed = true;
        self.full += usize::from(lane.waiting.len() == self.config.capacity);
        if let Some(operator) = self.operators.get_mut(operator) {
            operator.open = operator.open.saturating_sub(1);
            operator.ready.retain(|id| id != subscription_id);
        }
        self.stale.push(subscription_id.to_owned());
        self.stale_since_ms.get_or_insert(now_ms);
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

    /// Those whose receivers may be asked again.
    pub fn resume(&mut self, now_ms: i64) {
        while self.resumes_ms().is_some_and(|until_ms| until_ms <= now_ms)
            && let Some((_, id)) = self.paused.pop_first()
        {
            self.list_again(&id);
        }
    }

    /// When [`Lanes::resume`] has something to do.
    pub fn resumes_ms(&self) -> Option<i64> {
        self.paused.first().map(|(until_ms, _)| *until_ms)
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
        let room = self.by_subscription.len() <= self.config.remembered_max;
        let idle = |lane: &Lane| lane.is_idle() && (!room || lane.is_unremarkable(now_ms));
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
