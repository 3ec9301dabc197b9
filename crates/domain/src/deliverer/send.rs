//! From the lanes to requests: at the moment of sending the lease, the table and the limits decide. Rule 11, freshness.

use super::admit::waits;
use super::item::State;
use super::{Action, Partition, Phase};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use aerogram_wire::v1::{LineKind, Reason, Status};

impl Partition {
    pub(super) fn send_what_may_be_sent(&mut self, now: Now, out: &mut Vec<Action>) {
        self.wake_due(now);
        self.lanes.resume(now.mono_ms);
        while self.in_flight < self.config.in_flight_max && self.may_send(now) {
            let free = self.config.in_flight_max - self.in_flight;
            let Some(offset) = self.lanes.next(now.mono_ms, free) else { break };
            self.send(now, offset, out);
        }
    }

    /// The lease: the last successful commit is young enough, and no rebalance has begun since. And the table is not too
    /// old.
    pub fn may_send(&self, now: Now) -> bool {
        now.mono_ms < self.sends_until_ms()
    }

    /// From then on, by the monotonic clock, no request may be begun, not even one that was decided before, as long as
    /// nothing renews the lease. The shell looks at it at the moment of sending: between decision and sending it may have
    /// waited, or stood still.
    pub fn sends_until_ms(&self) -> i64 {
        if self.phase != Phase::Running {
            return i64::MIN;
        }
        self.table.current_until_ms(self.config.table_age_max_ms).min(self.commits.lease_until_ms())
    }

    /// How far `subscriptions` is applied. A request that was decided at another position may be one to a subscription that
    /// was deleted since, so it must not be begun any more.
    pub fn table_position(&self) -> i64 {
        self.table.position()
    }

    /// A request was not begun, because [`Partition::sends_until_ms`] had passed or [`Partition::table_position`] had
    /// moved on. It is decided anew.
    pub fn on_unsent(&mut self, now: Now, offset: i64, out: &mut Vec<Action>) {
        if let Some(item) = self.items.get_mut(offset)
            && item.state == State::Sending
        {
            item.state = State::Waiting;
            let id = item.delivery.subscription_id.clone();
            self.leave_flight(offset);
            self.lanes.close(now.mono_ms, &id, offset);
            self.enter_lane_first(now, offset);
        }
        self.pump(now, out);
    }

    fn wake_due(&mut self, now: Now) {
        while let Some(&(due, offset)) = self.not_due.first()
            && due <= now.wall_ms
        {
            self.not_due.pop_first();
            self.enter_lane(now, offset);
        }
    }

    fn send(&mut self, now: Now, offset: i64, out: &mut Vec<Action>) {
        let Some(item) = self.items.get(offset) else { return };
        let delivery = item.delivery.clone();
        let subscription_id = &delivery.subscription_id;
        let fresh = self.table.is_fresh(subscription_id, delivery.subscription_offset);
        if !fresh && !removed(Rule::Freshness) {
            let waits = waits(item);
            return self.lanes.hold_stale(now.mono_ms, subscription_id, waits);
        }
        let target = match self.table.get(subscription_id) {
            None => Err(Reason::SubscriptionUnknown),
            Some(s) => match s.status() {
                Status::Active => Ok(s.clone()),
                Status::Deleted => Err(Reason::SubscriptionDeleted),
                // People are told of what waited for a receiver that failed for too long.
                Status::Inactive if s.gave_up => Err(Reason::SubscriptionGaveUp),
                Status::Inactive | Status::Unspecified => Err(Reason::SubscriptionInactive),
            },
        };
        match target {
            Ok(subscription) => {
                let held = waits(item);
                let Some(terms) = self.lanes.learn(&subscription, &self.installation) else { return };
                if let Err(wait) = self.take_tokens(now, &terms, out) {
                    let kind = wait.key.kind();
                    if self.lanes.hold_limited(now.mono_ms, subscription_id, held, wait) {
                        out.push(Action::Limited { kind });
                    }
                    return;
                }
                self.lanes.sent(subscription_id);
                let policy = self.policies.of(&subscription.policy, &subscription.profile);
                let Some(item) = self.items.get_mut(offset) else { return };
                item.state = State::Sending;
                item.in_flight = true;
                item.sent_as = Some((subscription.clone(), policy.clone()));
                self.in_flight += 1;
                let attempt = self.attempts_made(offset) + 1;
                let (as_of, timeout_ms) = (self.table.position(), terms.timeout_ms);
                out.push(Action::Send { offset, as_of, attempt, timeout_ms, delivery, subscription, policy });
            }
            Err(reason) => {
                let subscription_id = subscription_id.clone();
                self.lanes.close(now.mono_ms, &subscription_id, offset);
                let gave_up = reason == Reason::SubscriptionGaveUp && !delivery.once;
                let kind = if gave_up { LineKind::Escalated } else { LineKind::Cancelled };
                let made = self.attempts_made(offset);
                self.tell(now, offset, kind, |line| {
                    (line.reason, line.attempts_made) = (reason.into(), made);
                    // Of an escalation: when it was decided.
                    line.due_at_ms = if gave_up { now.wall_ms } else { 0 };
                });
            }
        }
    }

    /// Attempts that count, before the next one: the record's and the valid `failed` lines of this seq.
    pub(super) fn attempts_made(&self, offset: i64) -> u32 {
        let Some(item) = self.items.get(offset) else { return 0 };
        let failed = self.fold.run(item.key).map_or(0, |run| run.failed(item.delivery.seq).count());
        item.delivery.attempts_made + failed as u32
    }
}
