//! What the scheduler's store does, as pure functions: the meaning that the Redis scripts and the in-memory store share.
//!
//! Each operation is one atomic script that first compares owner and applied offset with what the caller believes, so a
//! store that was wiped, rolled back, failed over or taken over answers [`StoreReply::Mismatch`] and changes nothing.

use crate::sabotage::{Rule, removed};
use bytes::Bytes;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Clocks of hosts may differ by so much. A position that lies further in the future was told by a clock that has been
/// set back since, and then nobody knows how old it is.
pub const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

/// Whether a position that was the log's end at `as_of_ms` is still young enough for what tombstones there may have been.
fn is_young(now_ms: i64, as_of_ms: i64, age_max_ms: i64) -> bool {
    (-CLOCKS_DIFFER_MAX_MS..=age_max_ms).contains(&(now_ms - as_of_ms))
}

/// What the caller believes of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Nonce of the owner that took it over last.
    pub owner: u64,
    /// Offset of the last `pending` record applied; -1: none.
    pub applied: i64,
}

/// One change that a record of `pending` makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Put {
        key: Bytes,
        due_at_ms: i64,
        value: Bytes,
    },
    /// A tombstone.
    Remove {
        key: Bytes,
    },
}

impl Change {
    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        match self {
            Change::Put { key, value, .. } => key.len() + value.len(),
            Change::Remove { key } => key.len(),
        }
    }
}

/// An operation on the store of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreOp {
    /// Makes `owner` the owner. Resets when told to, when the layout is another one, and when the position is older
    /// than `age_max_ms`, or of unknown age: tombstones may have been compacted away since.
    TakeOver { owner: u64, layout_id: String, now_ms: i64, age_max_ms: i64, reset: bool },
    /// Applies records up to offset `upto`. `as_of_ms`: when the position was seen to be the log's end, if it was.
    Apply {
        guard: Guard,
        now_ms: i64,
        age_max_ms: i64,
        upto: i64,
        changes: Vec<Change>,
        as_of_ms: Option<i64>,
    },
    /// The earliest entries due by now and not fired: at most `limit`, and no further one once keys and values have
    /// `bytes_max` bytes or more.
    Pick { guard: Guard, now_ms: i64, age_max_ms: i64, limit: usize, bytes_max: usize },
    /// These were fired and acknowledged; only a tombstone ends them now.
    MarkFired { guard: Guard, now_ms: i64, age_max_ms: i64, keys: Vec<Bytes> },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreReply {
    TakenOver {
        applied: i64,
        as_of_ms: i64,
    },
    Applied {
        pending: usize,
    },
    Picked(Vec<Picked>),
    Marked,
    /// The store is not what the caller believes: reset and fold again.
    Mismatch,
    /// The position is too old to be trusted: reset and fold again.
    TooOld,
    /// No answer, so nobody knows whether it happened.
    Down,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picked {
    pub key: Bytes,
    pub due_at_ms: i64,
    pub value: Bytes,
}

/// The store of one partition.
#[derive(Clone, Debug, Default)]
pub struct StoreState {
    owner: u64,
    layout_id: String,
    applied: i64,
    as_of_ms: i64,
    entries: HashMap<Bytes, (i64, Bytes)>,
    due: BTreeSet<(i64, Bytes)>,
    fired: HashSet<Bytes>,
}

/// Carries out one operation on `slot`, which is `None` when nothing is stored.
pub fn execute(slot: &mut Option<StoreState>, op: StoreOp) -> StoreReply {
    match op {
        StoreOp::TakeOver { owner, layout_id, now_ms, age_max_ms, reset } => {
            let usable = slot
                .take()
                .filter(|s| !reset && s.layout_id == layout_id && is_young(now_ms, s.as_of_ms, age_max_ms));
            let state =
                usable.unwrap_or(StoreState { applied: -1, as_of_ms: now_ms, ..StoreState::default() });
            let state = slot.insert(StoreState { owner, layout_id, ..state });
            StoreReply::TakenOver { applied: state.applied, as_of_ms: state.as_of_ms }
        }
        StoreOp::Apply { guard, now_ms, age_max_ms, upto, changes, as_of_ms } => {
            guarded(slot, guard, now_ms, age_max_ms, |s| {
                changes.into_iter().for_each(|change| s.change(change));
                s.applied = upto;
                s.as_of_ms = as_of_ms.unwrap_or(s.as_of_ms);
                StoreReply::Applied { pending: s.entries.len() }
            })
        }
        StoreOp::Pick { guard, now_ms, age_max_ms, limit, bytes_max } => {
            guarded(slot, guard, now_ms, age_max_ms, |s| StoreReply::Picked(s.pick(now_ms, limit, bytes_max)))
        }
        StoreOp::MarkFired { guard, now_ms, age_max_ms, keys } => {
            guarded(slot, guard, now_ms, age_max_ms, |s| {
                keys.into_iter().for_each(|key| s.mark_fired(key));
                StoreReply::Marked
            })
        }
    }
}

fn guarded(
    slot: &mut Option<StoreState>,
    guard: Guard,
    now_ms: i64,
    age_max_ms: i64,
    then: impl FnOnce(&mut StoreState) -> StoreReply,
) -> StoreReply {
    match slot {
        Some(s) if s.owner == guard.owner && (s.applied == guard.applied || removed(Rule::StoreGuard)) => {
            if is_young(now_ms, s.as_of_ms, age_max_ms) {
                then(s)
            } else {
                StoreReply::TooOld
            }
        }
        _ => StoreReply::Mismatch,
    }
}

impl StoreState {
    fn change(&mut self, change: Change) {
        match change {
            Change::Put { key, due_at_ms, value } => {
                if let Some((old, _)) = self.entries.insert(key.clone(), (due_at_ms, value)) {
                    self.due.remove(&(old, key.clone()));
                }
                // It ends the mark: the tombstone between may have been compacted away, and nobody else would.
                self.fired.remove(&key);
                self.due.insert((due_at_ms, key));
            }
            Change::Remove { key } => {
                if let Some((due, _)) = self.entries.remove(&key) {
                    self.due.remove(&(due, key.clone()));
                }
                self.fired.remove(&key);
            }
        }
    }

    fn pick(&self, now_ms: i64, limit: usize, bytes_max: usize) -> Vec<Picked> {
        let mut bytes = 0;
        self.due
            .iter()
            .take_while(|(due, _)| *due <= now_ms)
            .take(limit)
            .filter_map(|(due, key)| {
                let (_, value) = self.entries.get(key)?;
                Some(Picked { key: key.clone(), due_at_ms: *due, value: value.clone() })
            })
            .take_while(|picked| {
                let room = bytes < bytes_max;
                bytes += picked.key.len() + picked.value.len();
                room
            })
            .collect()
    }

    fn mark_fired(&mut self, key: Bytes) {
        if let Some((due, _)) = self.entries.get(&key) {
            self.due.remove(&(*due, key.clone()));
            self.fired.insert(key);
        }
    }

    /// Entries that wait or are fired without a tombstone.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Bytes = Bytes::from_static(b"k");

    fn apply(slot: &mut Option<StoreState>, applied: i64, upto: i64) -> StoreReply {
        let changes = vec![Change::Put { key: KEY, due_at_ms: 1, value: Bytes::new() }];
        let guard = Guard { owner: 1, applied };
        execute(slot, StoreOp::Apply { guard, now_ms: 5, age_max_ms: 100, upto, changes, as_of_ms: None })
    }

    fn picked(slot: &mut Option<StoreState>, applied: i64) -> usize {
        let guard = Guard { owner: 1, applied };
        match execute(slot, StoreOp::Pick { guard, now_ms: 5, age_max_ms: 100, limit: 9, bytes_max: 99 }) {
            StoreReply::Picked(picked) => picked.len(),
            other => panic!("{other:?}"),
        }
    }

    /// The tombstone that would have ended the mark may have been compacted away between the two.
    #[test]
    fn an_entry_written_again_is_due_again() {
        let mut slot = None;
        let take =
            StoreOp::TakeOver { owner: 1, layout_id: "l".into(), now_ms: 5, age_max_ms: 100, reset: false };
        assert_eq!(execute(&mut slot, take), StoreReply::TakenOver { applied: -1, as_of_ms: 5 });
        apply(&mut slot, -1, 0);
        let guard = Guard { owner: 1, applied: 0 };
        execute(&mut slot, StoreOp::MarkFired { guard, now_ms: 5, age_max_ms: 100, keys: vec![KEY] });
        assert_eq!(picked(&mut slot, 0), 0);
        apply(&mut slot, 0, 7);
        assert_eq!(picked(&mut slot, 7), 1);
    }
}
