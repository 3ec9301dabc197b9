//! The records of `deliveries` in memory, in offset order.

use crate::policy::Policy;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, Line, Subscription};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Fixed cost of an item beside its payload, an estimate for the byte limit.
pub const OVERHEAD_BYTES: usize = 512;
/// And of one that is settled and waits for those before it: its payload is gone.
const SETTLED_BYTES: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// In its lane, or not due.
    Waiting,
    Sending,
    /// Its line is on the way.
    Lining,
    /// So many consequences are not acknowledged.
    Settling(u8),
    Settled,
}

pub struct Item {
    pub offset: i64,
    pub key: RunKey,
    seq: u32,
    /// A time before which no line about it was appended.
    pub oldest_line_ms: i64,
    /// Empty once it is settled.
    pub delivery: Arc<Delivery>,
    pub bytes: usize,
    pub state: State,
    /// As of the last send.
    pub sent_as: Option<(Arc<Subscription>, Arc<Policy>)>,
    /// The line that settled it, while its consequences are under way.
    pub line: Option<Box<Line>>,
    /// Where that line stands in the fold.
    pub told_index: Option<u64>,
    /// Counts as in flight: sent, line not read back.
    pub in_flight: bool,
}

/// All items from the first unsettled record on.
#[derive(Default)]
pub struct Items {
    queue: VecDeque<Item>,
    /// Records in work by (run, seq): the first copy.
    by_key: HashMap<(RunKey, u32), i64>,
    bytes: usize,
    settled: usize,
    nothing: Arc<Delivery>,
}

impl Items {
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn unsettled(&self) -> usize {
        self.queue.len() - self.settled
    }

    pub fn push(
        &mut self,
        offset: i64,
        key: RunKey,
        delivery: Delivery,
        size_bytes: usize,
        oldest_line_ms: i64,
    ) {
        let bytes = size_bytes + OVERHEAD_BYTES;
        self.bytes += bytes;
        self.by_key.entry((key, delivery.seq)).or_insert(offset);
        self.queue.push_back(Item {
            offset,
            key,
            seq: delivery.seq,
            oldest_line_ms,
            delivery: Arc::new(delivery),
            bytes,
            state: State::Waiting,
            sent_as: None,
            line: None,
            told_index: None,
            in_flight: false,
        });
    }

    /// The record in work for a run and seq.
    pub fn find(&self, key: RunKey, seq: u32) -> Option<i64> {
        self.by_key.get(&(key, seq)).copied()
    }

    pub fn get(&self, offset: i64) -> Option<&Item> {
        let index = self.queue.binary_search_by_key(&offset, |item| item.offset).ok()?;
        self.queue.get(index)
    }

    pub fn get_mut(&mut self, offset: i64) -> Option<&mut Item> {
        let index = self.queue.binary_search_by_key(&offset, |item| item.offset).ok()?;
        self.queue.get_mut(index)
    }

    /// Nothing is left to do for it; it is kept only until those before it are settled, too.
    pub fn settle(&mut self, offset: i64) {
        let nothing = self.nothing.clone();
        let Some(item) = self.get_mut(offset).filter(|item| item.state != State::Settled) else { return };
        item.state = State::Settled;
        (item.line, item.sent_as, item.delivery) = (None, None, nothing);
        let freed = item.bytes.saturating_sub(SETTLED_BYTES);
        item.bytes -= freed;
        self.bytes -= freed;
        self.settled += 1;
    }

    /// The offset after the last one.
    pub fn end(&self) -> Option<i64> {
        self.queue.back().map(|item| item.offset + 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.queue.iter()
    }

    /// Takes the contiguous settled prefix away.
    pub fn pop_settled(&mut self) -> Option<Item> {
        let item = self.queue.pop_front_if(|item| item.state == State::Settled)?;
        self.bytes -= item.bytes;
        self.settled -= 1;
        if self.by_key.get(&(item.key, item.seq)) == Some(&item.offset) {
            self.by_key.remove(&(item.key, item.seq));
        }
        Some(item)
    }

    pub fn any_in_flight(&self) -> bool {
        self.queue
            .iter()
            .any(|item| matches!(item.state, State::Sending | State::Lining | State::Settling(_)))
    }
}
