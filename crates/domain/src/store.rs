//! What the scheduler's store does, as pure functions: the meaning that the Redis scripts and the in-memory store share.
//!
//! Each operation is one atomic script that first compares owner and applied offset with what the caller believes, so a
//! store that was wiped, rolled back, failed over or taken over answers [`StoreReply::Mismatch`] and changes nothing.

use crate::sabotage::{Rule, removed};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
        entry: Entry,
    },
    /// A tombstone.
    Remove {
        key: Bytes,
    },
}

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it is due; of what is parked, since when it is.
    pub due_at_ms: i64,
    pub value: Bytes,
    /// It waits in this lane for a credit; `None`: until it is due.
    pub lane: Option<Bytes>,
    /// It was certainly not fired before.
    pub first: bool,
}

impl Change {
    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        match self {
            Change::Put { key, entry } => key.len() + entry.value.len(),
            Change::Remove { key } => key.len(),
        }
    }

    pub fn key(&self) -> &Bytes {
        match self {
            Change::Put { key, .. } | Change::Remove { key } => key,
        }
    }
}

/// How many wait in a lane.
pub type Waiting = (Bytes, usize);

/// What every operation but the takeover is carried out under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Under {
    pub guard: Guard,
    pub now_ms: i64,
    pub age_max_ms: i64,
}

/// An operation on the store of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreOp {
    /// Makes `owner` the owner. Resets when told to, when the layout is another one, and when the position is older
    /// than `age_max_ms`, or of unknown age: tombstones may have been compacted away since.
    TakeOver { owner: u64, layout_id: String, now_ms: i64, age_max_ms: i64, reset: bool },
    /// Applies records up to offset `upto`. `as_of_ms`: when the position was seen to be the log's end, if it was.
    Apply { under: Under, upto: i64, changes: Vec<Change>, as_of_ms: Option<i64> },
    /// The earliest entries due by now and not fired: at most `limit`, and no further one once keys and values have
    /// `bytes_max` bytes or more.
    Pick { under: Under, limit: usize, bytes_max: usize },
    /// The first ones of lanes, as many as each asks for, in the order asked; `bytes_max` as in `Pick`.
    PickParked { under: Under, wants: Vec<Waiting>, bytes_max: usize },
    /// These, which were due, wait in their lanes from now on.
    Hold { under: Under, keys: Vec<(Bytes, Bytes)> },
    /// These were fired and acknowledged, by a credit of their lane or because they were due; only a tombstone ends
    /// them now.
    MarkFired { under: Under, keys: Vec<(Bytes, Option<Bytes>)> },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreReply {
    TakenOver {
        applied: i64,
        as_of_ms: i64,
        /// Every lane in which something waits.
        lanes: Vec<Waiting>,
        /// Fired by credit without a tombstone, and of which lane.
        outstanding: Vec<(Bytes, Bytes)>,
    },
    Applied {
        pending: usize,
        /// Of the lanes that changes touched.
        lanes: Vec<Waiting>,
    },
    Picked(Vec<Picked>),
    /// To `PickParked`.
    Parked(Vec<Picked>),
    Held {
        lanes: Vec<Waiting>,
    },
    Marked {
        lanes: Vec<Waiting>,
    },
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
    pub entry: Entry,
}

/// The store of one partition.
#[derive(Clone, Debug, Default)]
pub struct StoreState {
    owner: u64,
    layout_id: String,
    applied: i64,
    as_of_ms: i64,
    entries: HashMap<Bytes, Entry>,
    due: BTreeSet<(i64, Bytes)>,
    /// First in, first out: by lane, then since when.
    parked: BTreeSet<(Bytes, i64, Bytes)>,
    /// How many wait in each lane; none is not kept.
    lanes: BTreeMap<Bytes, usize>,
    /// And by a credit of which lane.
    fired: BTreeMap<Bytes, Option<Bytes>>,
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
            slot.insert(StoreState { owner, layout_id, ..state }).taken_over()
        }
        StoreOp::Apply { under, upto, changes, as_of_ms } => guarded(slot, under, |s| {
            let touched: BTreeSet<_> = changes.into_iter().flat_map(|change| s.change(change)).collect();
            s.applied = upto;
            s.as_of_ms = as_of_ms.unwrap_or(s.as_of_ms);
            StoreReply::Applied { pending: s.entries.len(), lanes: s.waiting_in(touched) }
        }),
        StoreOp::Pick { under, limit, bytes_max } => {
            guarded(slot, under, |s| StoreReply::Picked(s.pick(under.now_ms, limit, bytes_max)))
        }
        StoreOp::PickParked { under, wants, bytes_max } => {
            guarded(slot, under, |s| StoreReply::Parked(s.pick_parked(&wants, bytes_max)))
        }
        StoreOp::Hold { under, keys } => guarded(slot, under, |s| {
            let touched = keys.into_iter().filter_map(|(key, lane)| s.hold(&key, lane)).collect();
            StoreReply::Held { lanes: s.waiting_in(touched) }
        }),
        StoreOp::MarkFired { under, keys } => guarded(slot, under, |s| {
            let touched = keys.into_iter().filter_map(|(key, lane)| s.mark_fired(key, lane)).collect();
            StoreReply::Marked { lanes: s.waiting_in(touched) }
        }),
    }
}

fn guarded(
    slot: &mut Option<StoreState>,
    under: Under,
    then: impl FnOnce(&mut StoreState) -> StoreReply,
) -> StoreReply {
    let Under { guard, now_ms, age_max_ms } = under;
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
    fn taken_over(&self) -> StoreReply {
        let by_credit = |(key, lane): (&Bytes, &Option<Bytes>)| Some((key.clone(), lane.clone()?));
        StoreReply::TakenOver {
            applied: self.applied,
            as_of_ms: self.as_of_ms,
            lanes: self.lanes.iter().map(|(lane, waiting)| (lane.clone(), *waiting)).collect(),
            outstanding: self.fired.iter().filter_map(by_credit).collect(),
        }
    }

    fn waiting_in(&self, lanes: BTreeSet<Bytes>) -> Vec<Waiting> {
        lanes
            .into_iter()
            .map(|lane| (self.lanes.get(&lane).copied().unwrap_or(0), lane))
            .map(|(n, l)| (l, n))
            .collect()
    }

    /// Answers the lanes it touched.
    fn change(&mut self, change: Change) -> Vec<Bytes> {
        let key = change.key().clone();
        // A put ends the mark too: the tombstone between may have been compacted away, and nobody else would.
        let mut touched: Vec<_> = self.withdraw(&key).into_iter().collect();
        self.fired.remove(&key);
        self.entries.remove(&key);
        if let Change::Put { key, entry } = change {
            match &entry.lane {
                None => _ = self.due.insert((entry.due_at_ms, key.clone())),
                Some(lane) => {
                    self.join(lane, entry.due_at_ms, &key);
                    touched.push(lane.clone());
                }
            }
            self.entries.insert(key, entry);
        }
        touched
    }

    fn join(&mut self, lane: &Bytes, since_ms: i64, key: &Bytes) {
        if self.parked.insert((lane.clone(), since_ms, key.clone())) {
            *self.lanes.entry(lane.clone()).or_default() += 1;
        }
    }

    /// Takes an entry out of what is due or its lane, if it stands there; answers the lane.
    fn withdraw(&mut self, key: &Bytes) -> Option<Bytes> {
        let entry = self.entries.get(key)?;
        let Some(lane) = entry.lane.clone() else {
            self.due.remove(&(entry.due_at_ms, key.clone()));
            return None;
        };
        if !self.parked.remove(&(lane.clone(), entry.due_at_ms, key.clone())) {
            return None;
        }
        if let Some(waiting) = self.lanes.get_mut(&lane) {
            *waiting -= 1;
            if *waiting == 0 {
                self.lanes.remove(&lane);
            }
        }
        Some(lane)
    }

    fn pick(&self, now_ms: i64, limit: usize, bytes_max: usize) -> Vec<Picked> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now_ms).take(limit);
        self.within(bytes_max, due.map(|(_, key)| key))
    }

    fn pick_parked(&self, wants: &[Waiting], bytes_max: usize) -> Vec<Picked> {
        let first = |(lane, n): &Waiting| {
            let lane = lane.clone();
            self.parked
                .range((lane.clone(), i64::MIN, Bytes::new())..)
                .take_while(move |(l, _, _)| *l == lane)
                .take(*n)
        };
        self.within(bytes_max, wants.iter().flat_map(first).map(|(_, _, key)| key))
    }

    fn within<'a>(&self, bytes_max: usize, keys: impl Iterator<Item = &'a Bytes>) -> Vec<Picked> {
        let mut bytes = 0;
        keys.filter_map(|key| Some(Picked { key: key.clone(), entry: self.entries.get(key)?.clone() }))
            .take_while(|picked| {
                let room = bytes < bytes_max;
                bytes += picked.key.len() + picked.entry.value.len();
                room
            })
            .collect()
    }

    fn hold(&mut self, key: &Bytes, lane: Bytes) -> Option<Bytes> {
        let entry = self.entries.get_mut(key).filter(|entry| entry.lane.is_none())?;
        let due_at_ms = entry.due_at_ms;
        if !self.due.remove(&(due_at_ms, key.clone())) {
            return None;
        }
        entry.lane = Some(lane.clone());
        self.join(&lane, due_at_ms, key);
        Some(lane)
    }

    fn mark_fired(&mut self, key: Bytes, lane: Option<Bytes>) -> Option<Bytes> {
        let touched = self.withdraw(&key);
        if self.entries.contains_key(&key) {
            self.fired.insert(key, lane);
        }
        touched
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
    const LANE: Bytes = Bytes::from_static(b"lane");

    fn under(applied: i64) -> Under {
        Under { guard: Guard { owner: 1, applied }, now_ms: 5, age_max_ms: 100 }
    }

    fn put(key: &'static str, due_at_ms: i64, lane: Option<Bytes>) -> Change {
        let entry = Entry { due_at_ms, value: Bytes::new(), lane, first: true };
        Change::Put { key: key.into(), entry }
    }

    fn apply(slot: &mut Option<StoreState>, applied: i64, upto: i64, changes: Vec<Change>) -> StoreReply {
        execute(slot, StoreOp::Apply { under: under(applied), upto, changes, as_of_ms: None })
    }

    fn taken() -> Option<StoreState> {
        let mut slot = None;
        let take =
            StoreOp::TakeOver { owner: 1, layout_id: "l".into(), now_ms: 5, age_max_ms: 100, reset: false };
        execute(&mut slot, take);
        slot
    }

    fn keys(reply: StoreReply) -> Vec<Bytes> {
        match reply {
            StoreReply::Picked(picked) | StoreReply::Parked(picked) => {
                picked.into_iter().map(|p| p.key).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn due(slot: &mut Option<StoreState>, applied: i64) -> Vec<Bytes> {
        keys(execute(slot, StoreOp::Pick { under: under(applied), limit: 9, bytes_max: 99 }))
    }

    fn parked(slot: &mut Option<StoreState>, applied: i64, n: usize) -> Vec<Bytes> {
        let wants = vec![(LANE, n)];
        keys(execute(slot, StoreOp::PickParked { under: under(applied), wants, bytes_max: 99 }))
    }

    /// The tombstone that would have ended the mark may have been compacted away between the two.
    #[test]
    fn an_entry_written_again_is_due_again() {
        let mut slot = taken();
        apply(&mut slot, -1, 0, vec![put("k", 1, None)]);
        execute(&mut slot, StoreOp::MarkFired { under: under(0), keys: vec![(KEY, None)] });
        assert!(due(&mut slot, 0).is_empty());
        apply(&mut slot, 0, 7, vec![put("k", 1, None)]);
        assert_eq!(due(&mut slot, 7), [KEY]);
    }

    #[test]
    fn lanes_give_out_their_oldest_first_and_know_how_many_wait() {
        let mut slot = taken();
        let changes = vec![
            put("b", 2, Some(LANE)),
            put("a", 1, Some(LANE)),
            put("z", 0, Some("other".into())),
            put("k", 3, None),
        ];
        let lanes = vec![(LANE, 2), ("other".into(), 1)];
        assert_eq!(apply(&mut slot, -1, 3, changes), StoreReply::Applied { pending: 4, lanes });
        assert_eq!(parked(&mut slot, 3, 1), ["a"]);
        assert_eq!(due(&mut slot, 3), [KEY], "what is parked is never due");
        let held = execute(&mut slot, StoreOp::Hold { under: under(3), keys: vec![(KEY, LANE)] });
        assert_eq!(held, StoreReply::Held { lanes: vec![(LANE, 3)] });
        assert_eq!(parked(&mut slot, 3, 9), ["a", "b", "k"]);
        let fired = vec![("a".into(), Some(LANE)), ("none".into(), Some(LANE))];
        let marked = execute(&mut slot, StoreOp::MarkFired { under: under(3), keys: fired });
        assert_eq!(marked, StoreReply::Marked { lanes: vec![(LANE, 2)] });
        let removed = vec![Change::Remove { key: "a".into() }, Change::Remove { key: "b".into() }];
        let lanes = vec![(LANE, 1)];
        assert_eq!(apply(&mut slot, 3, 5, removed), StoreReply::Applied { pending: 2, lanes });
    }

    #[test]
    fn who_takes_over_is_told_what_waits_and_what_is_outstanding() {
        let mut slot = taken();
        apply(&mut slot, -1, 1, vec![put("a", 1, Some(LANE)), put("b", 1, Some(LANE)), put("k", 1, None)]);
        let fired = vec![("a".into(), Some(LANE)), (KEY, None)];
        execute(&mut slot, StoreOp::MarkFired { under: under(1), keys: fired });
        let take =
            StoreOp::TakeOver { owner: 2, layout_id: "l".into(), now_ms: 5, age_max_ms: 100, reset: false };
        let (lanes, outstanding) = (vec![(LANE, 1)], vec![("a".into(), LANE)]);
        let expected = StoreReply::TakenOver { applied: 1, as_of_ms: 5, lanes, outstanding };
        assert_eq!(execute(&mut slot, take), expected);
    }
}
