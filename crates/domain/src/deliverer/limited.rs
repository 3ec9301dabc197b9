//! What a partition takes of what is limited: tokens for its requests, and bytes for what it holds.

use super::{Action, Partition, Phase};
use crate::clock::Now;
use crate::limits::{Key, Lease, Terms, Wait};

/// Deliveries in memory while the memory of what is settled is full.
const SLOWED_ITEMS_MAX: usize = 8;
/// A lane that is alone may keep its partition from being polled until it is so far behind.
const ALONE_BEHIND_MAX_MS: i64 = 10 * 60 * 1_000;

impl Partition {
    /// Whether another record of `deliveries` may be taken. Until then the shell does not poll. A partition that holds nothing
    /// may always take one, whatever the others of its process hold.
    pub fn wants_more(&self) -> bool {
        let unsettled = self.items.unsettled();
        let has_room = unsettled < self.config.items_max
            && self.items.bytes() < self.config.item_bytes_max
            && !self.item_bytes.is_full();
        let remembers =
            self.fold.memory_bytes() < self.config.memory_bytes_max && !self.memory_bytes.is_full();
        self.phase == Phase::Running
            && self.table.is_folded()
            && (has_room || self.items.len() == 0)
            && (remembers || unsettled < SLOWED_ITEMS_MAX)
            && !self.lanes.any_full()
    }

    /// Whether what waits for one subscription can be in the way of something else: of another one in this partition, of the
    /// other partitions of the process, or, that far behind, of what retention could take before it is polled.
    pub(super) fn note_who_shares(&mut self, now: Now) {
        let behind_ms = now.wall_ms.saturating_sub(self.polled.upto_ms());
        let shared =
            self.table.is_shared() || self.item_bytes.is_half_full() || behind_ms > ALONE_BEHIND_MAX_MS;
        self.lanes.set_shared(shared);
    }

    /// Whether more than what must be may be remembered as settled.
    pub(super) fn has_room_to_remember(&self) -> bool {
        self.fold.memory_bytes() < self.config.memory_bytes_max / 2 && !self.memory_bytes.is_half_full()
    }

    /// What it holds now, for the process.
    pub(super) fn count_bytes(&mut self) {
        self.item_bytes.set(self.items.bytes());
        self.memory_bytes.set(self.fold.memory_bytes());
    }

    /// Takes the tokens of one request, all of them or none.
    pub(super) fn take_tokens(&self, now: Now, terms: &Terms, out: &mut Vec<Action>) -> Result<(), Wait> {
        if terms.limits.is_empty() {
            return Ok(());
        }
        let mut asks = Vec::new();
        let taken = self.member.limiter().take(now.mono_ms, &terms.limits, &mut asks);
        out.extend(asks.into_iter().map(Action::Lease));
        taken
    }

    /// The answer to [`Action::Lease`]; `None`: there was none, and the process goes on with what it may alone.
    pub fn on_leased(&mut self, now: Now, key: &Key, lease: Option<Lease>, out: &mut Vec<Action>) {
        self.member.limiter().leased(now.mono_ms, key, lease);
        // Where nobody answered, the process goes on with what it may alone.
        let granted = lease.map_or(1, |lease| lease.granted as usize);
        self.lanes.resume_limited_by(key, granted);
        self.pump(now, out);
    }
}
