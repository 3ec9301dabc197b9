//! A record of `deliveries` comes in: is it work, a copy of work, or settled already? Rules 8 and 10.

use super::item::{Item, State};
use super::lane::Waits;
use super::{Action, Partition, Phase, Why};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, LineKind};

/// Due times are told by the clocks of deliverers and schedulers, the times of lines by the brokers'.
const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

/// A record of `deliveries` that no version of ours wrote. The partition stops: skipping it could lose a delivery.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("its delivery id has {0} bytes, not 16")]
    DeliveryId(usize),
    #[error("it has no event")]
    NoEvent,
    #[error("it has no subscription id")]
    NoSubscription,
}

impl Partition {
    /// The next record, `size_bytes` long, appended at `appended_ms` by the broker's clock. Only to be called while [`Partition::wants_more`].
    pub fn on_delivery(
        &mut self,
        now: Now,
        offset: i64,
        appended_ms: i64,
        size_bytes: usize,
        delivery: Delivery,
        out: &mut Vec<Action>,
    ) -> Result<(), Malformed> {
        if self.phase != Phase::Running {
            return Ok(());
        }
        let key = RunKey::new(&delivery.delivery_id, delivery.run)
            .ok_or(Malformed::DeliveryId(delivery.delivery_id.len()))?;
        if delivery.event.is_none() {
            return Err(Malformed::NoEvent);
        }
        if delivery.subscription_id.is_empty() {
            return Err(Malformed::NoSubscription);
        }
        self.polled.record(offset, appended_ms);
        self.admit(now, offset, size_bytes, key, delivery, out);
        self.pump(now, out);
        Ok(())
    }

    fn admit(
        &mut self,
        now: Now,
        offset: i64,
        size_bytes: usize,
        key: RunKey,
        delivery: Delivery,
        out: &mut Vec<Action>,
    ) {
        let (seq, due_ms) = (delivery.seq, delivery.due_at_ms);
        // Also what is fired may be older than our memory: an entry that was written again after its tombstone waits
        // for as long as the scheduler is away.
        let oldest_line_ms = oldest_line_ms(&delivery);
        if !self.fold.covers(oldest_line_ms) && !removed(Rule::Extension) {
            return self.leave(Why::OlderThanMemory { event_appended_at_ms: oldest_line_ms });
        }
        self.recalled.asked(now, oldest_line_ms, self.config.horizon_ms);
        self.behind_since_ms = Some(oldest_line_ms);
        let copy_of_work = self.items.find(key, seq).is_some();
        let open = self.fold.run(key).is_none_or(|run| run.is_open(seq));
        self.items.push(offset, key, delivery, size_bytes, oldest_line_ms);
        if !open {
            self.duplicate(now, offset, out);
        } else if copy_of_work {
            // The first copy is before it, so no commit passes before that one is settled.
            self.items.settle(offset);
        } else {
            self.fold.polled(key, seq);
            if due_ms > now.wall_ms {
                // The scheduler's clock runs before ours.
                self.not_due.insert((due_ms, offset));
            } else {
                self.enter_lane(now, offset);
            }
        }
    }

    /// Into its lane, or parked if it would wait there for too long. What has a credit was paced already, but its receiver
    /// may have asked for patience since. A test event is to show what the receiver does with it now, so it goes first.
    pub(super) fn enter_lane(&mut self, now: Now, offset: i64) {
        let Some(item) = self.items.get(offset) else { return };
        if item.delivery.once {
            if self.lanes.is_too_late_once(now.mono_ms, &item.delivery.subscription_id) {
                return self.park(now, vec![offset]);
            }
            let (waits, item) = (waits(item), item.delivery.clone());
            self.lanes.push_once(operator(&item), &item.subscription_id, waits);
            return self.learn(&item.subscription_id);
        }
        let id = &item.delivery.subscription_id;
        let is_too_late = match item.delivery.by_credit {
            true => self.lanes.paused_long_until_ms(now.mono_ms, id).is_some(),
            false => self.lanes.is_too_late(now.mono_ms, id),
        };
        if is_too_late {
            return self.park(now, vec![offset]);
        }
        let waits = waits(item);
        let item = item.delivery.clone();
        self.lanes.push_back(operator(&item), &item.subscription_id, waits);
        self.learn(&item.subscription_id);
    }

    /// What its subscription allows counts from its first delivery on.
    fn learn(&mut self, subscription_id: &str) {
        if let Some(subscription) = self.table.get(subscription_id) {
            self.lanes.learn(subscription, &self.installation);
        }
    }

    /// Next in its lane, unless its receiver fails.
    pub(super) fn enter_lane_first(&mut self, now: Now, offset: i64) {
        let Some(item) = self.items.get(offset) else { return };
        if !item.delivery.by_credit
            && !item.delivery.once
            && self.lanes.is_shut(&item.delivery.subscription_id)
        {
            return self.park(now, vec![offset]);
        }
        let waits = waits(item);
        let item = item.delivery.clone();
        self.lanes.push_front(operator(&item), &item.subscription_id, waits);
    }

    /// They wait in `pending`: for a credit, or those that had one until their receiver may be asked again. A test event is over
    /// without an attempt: whoever asked for it waits now.
    pub(super) fn park(&mut self, now: Now, offsets: Vec<i64>) {
        for offset in offsets {
            let Some(item) = self.items.get(offset) else { continue };
            let (made, id) = (self.attempts_made(offset), &item.delivery.subscription_id);
            if item.delivery.once {
                self.tell(now, offset, LineKind::Expired, |line| line.attempts_made = made);
                continue;
            }
            let paused_until_ms = self.lanes.paused_long_until_ms(now.mono_ms, id);
            let (kind, due_at_ms) = match paused_until_ms.filter(|_| item.delivery.by_credit) {
                Some(until_ms) => (LineKind::Retry, now.wall_ms + until_ms - now.mono_ms),
                None => (LineKind::Parked, now.wall_ms),
            };
            self.tell(now, offset, kind, |line| (line.due_at_ms, line.attempts_made) = (due_at_ms, made));
        }
    }

    pub(super) fn set_state(&mut self, offset: i64, state: State) {
        if let Some(item) = self.items.get_mut(offset) {
            item.state = state;
        }
    }
}

/// Whose turn it shares.
pub(super) fn operator(delivery: &Delivery) -> &str {
    delivery.scope.as_ref().map_or("", |scope| &scope.operator)
}

pub(super) fn waits(item: &Item) -> Waits {
    let Delivery { by_credit, once, .. } = *item.delivery;
    Waits { offset: item.offset, by_credit, once, bytes: item.bytes }
}

/// A time before which no line about the record, nor the record itself, was appended: its event was there first, and it
/// was not fired before it was due.
pub(super) fn oldest_line_ms(delivery: &Delivery) -> i64 {
    if delivery.from_pending {
        delivery.event_appended_at_ms.max(delivery.due_at_ms - CLOCKS_DIFFER_MAX_MS)
    } else {
        delivery.event_appended_at_ms
    }
}
