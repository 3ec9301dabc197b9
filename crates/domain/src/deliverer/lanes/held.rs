//! Lanes whose turn it is not: the table, a limit or the receiver's wish for patience holds them back.

use super::{Lanes, Waits};
use crate::deliverer::pace::Limited;
use crate::limits::{Key, Wait};

impl Lanes {
    /// Next in its lane, though the receiver asked for patience: a test event.
    pub fn push_once(&mut self, operator: &str, subscription_id: &str, waits: Waits) {
        self.push_front(operator, subscription_id, waits);
        let was_paused = self.paused.extract_if(.., |(_, id)| id == subscription_id).count() > 0;
        if was_paused {
            self.list_again(subscription_id);
        }
    }

    /// Not begun: the lane waits until the table moves on.
    pub fn hold_stale(&mut self, now_ms: i64, subscription_id: &str, waits: Waits) {
        if self.put_back(subscription_id, waits) {
            self.stale.push(subscription_id.to_owned());
            self.stale_since_ms.get_or_insert(now_ms);
        }
    }

    /// Not begun: a limit holds the lane back; whether none did before.
    pub fn hold_limited(&mut self, now_ms: i64, id: &str, waits: Waits, wait: Wait) -> bool {
        if !self.put_back(id, waits) {
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
    fn put_back(&mut self, id: &str, waits: Waits) -> bool {
        let back = self.change(id, |lane| {
            lane.end(waits.offset);
            lane.push_front(waits);
            (lane.operator.clone(), lane.speed, std::mem::replace(&mut lane.listed, true))
        });
        let Some((operator, speed, was_listed)) = back else { return false };
        self.places.give_back(&operator, speed, 1);
        if let Some(operator) = self.operators.get_mut(&operator).filter(|_| was_listed) {
            // Where it stands when it has just been taken from.
            if operator.ready.pop_back_if(|last| last == id).is_none() {
                operator.ready.retain(|ready| ready != id);
            }
        }
        true
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
}
