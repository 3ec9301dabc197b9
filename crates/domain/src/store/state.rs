//! The store of one partition, in memory.

use super::{Change, Entry, Keep, Payload, Payloads, Picked, StoreReply, Waiting};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The store of one partition.
#[derive(Clone, Debug, Default)]
pub struct StoreState {
    pub(super) owner: u64,
    pub(super) layout_id: String,
    pub(super) applied: i64,
    pub(super) as_of_ms: i64,
    /// Without their payloads.
    entries: HashMap<Bytes, Entry>,
    /// Those that are kept, and how many bytes they have.
    values: BTreeMap<Bytes, Bytes>,
    value_bytes: u64,
    due: BTreeSet<(i64, Bytes)>,
    /// First in, first out: by lane, then since when.
    parked: BTreeSet<(Bytes, i64, Bytes)>,
    /// How many wait in each lane; none is not kept.
    lanes: BTreeMap<Bytes, usize>,
    /// And by a credit of which lane.
    fired: BTreeMap<Bytes, Option<Bytes>>,
}

impl StoreState {
    /// Before the first record.
    pub(super) fn new(layout_id: String, now_ms: i64) -> Self {
        Self { layout_id, applied: -1, as_of_ms: now_ms, ..Self::default() }
    }

    pub(super) fn taken_over(&self) -> StoreReply {
        let by_credit = |(key, lane): (&Bytes, &Option<Bytes>)| Some((key.clone(), lane.clone()?));
        StoreReply::TakenOver {
            applied: self.applied,
            as_of_ms: self.as_of_ms,
            lanes: self.lanes.iter().map(|(lane, waiting)| (lane.clone(), *waiting)).collect(),
            outstanding: self.fired.iter().filter_map(by_credit).collect(),
        }
    }

    pub(super) fn waiting_in(&self, lanes: BTreeSet<Bytes>) -> Vec<Waiting> {
        let waiting = |lane: &Bytes| self.lanes.get(lane).copied().unwrap_or(0);
        lanes.into_iter().map(|lane| (waiting(&lane), lane)).map(|(n, lane)| (lane, n)).collect()
    }

    pub(super) fn payloads(&self, keep: Keep) -> Payloads {
        let (waiting, kept) = (self.due.len() + self.parked.len(), self.values.len());
        Payloads { kept, in_log: waiting - kept, room_bytes: keep.bytes_max.saturating_sub(self.value_bytes) }
    }

    /// There may be more than is kept from now on.
    pub(super) fn let_go(&mut self, keep: Keep) {
        for _ in 0..keep.drop_max {
            if self.value_bytes <= keep.bytes_max {
                return;
            }
            // Any will do; which ones Redis lets go of, nobody knows either.
            let Some((_, value)) = self.values.pop_last() else { return };
            self.value_bytes -= value.len() as u64;
        }
    }

    fn keep(&mut self, key: &Bytes, value: Bytes, keep: Keep) {
        let bytes = self.value_bytes + value.len() as u64;
        if bytes <= keep.bytes_max {
            self.value_bytes = bytes;
            self.values.insert(key.clone(), value);
        }
    }

    fn forget_value(&mut self, key: &Bytes) {
        if let Some(value) = self.values.remove(key) {
            self.value_bytes -= value.len() as u64;
        }
    }

    /// Answers the lanes it touched.
    pub(super) fn change(&mut self, change: Change, keep: Keep) -> Vec<Bytes> {
        let key = change.key().clone();
        // A put ends the mark too: the tombstone between may have been compacted away, and nobody else would.
        let mut touched: Vec<_> = self.withdraw(&key).into_iter().collect();
        self.fired.remove(&key);
        self.entries.remove(&key);
        self.forget_value(&key);
        if let Change::Put { key, entry } = change {
            match &entry.lane {
                None => _ = self.due.insert((entry.due_at_ms, key.clone())),
                Some(lane) => {
                    self.join(lane, entry.due_at_ms, &key);
                    touched.push(lane.clone());
                }
            }
            let payload = entry.payload.in_log();
            if let Payload::Here(value) = entry.payload {
                self.keep(&key, value, keep);
            }
            self.entries.insert(key, Entry { payload, ..entry });
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

    pub(super) fn pick(&self, now_ms: i64, limit: usize, bytes_max: usize) -> Vec<Picked> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now_ms).take(limit);
        self.within(bytes_max, due.map(|(_, key)| key))
    }

    pub(super) fn pick_parked(&self, wants: &[Waiting], bytes_max: usize) -> Vec<Picked> {
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
        keys.filter_map(|key| self.picked(key))
            .take_while(|picked| {
                let room = bytes < bytes_max;
                bytes += picked.key.len() + picked.entry.payload.bytes();
                room
            })
            .collect()
    }

    fn picked(&self, key: &Bytes) -> Option<Picked> {
        let mut entry = self.entries.get(key)?.clone();
        if let Some(value) = self.values.get(key) {
            entry.payload = Payload::Here(value.clone());
        }
        Some(Picked { key: key.clone(), entry })
    }

    pub(super) fn hold(&mut self, key: &Bytes, lane: Bytes) -> Option<Bytes> {
        let entry = self.entries.get_mut(key).filter(|entry| entry.lane.is_none())?;
        let due_at_ms = entry.due_at_ms;
        if !self.due.remove(&(due_at_ms, key.clone())) {
            return None;
        }
        entry.lane = Some(lane.clone());
        self.join(&lane, due_at_ms, key);
        Some(lane)
    }

    pub(super) fn mark_fired(&mut self, key: Bytes, lane: Option<Bytes>) -> Option<Bytes> {
        let touched = self.withdraw(&key);
        if self.entries.contains_key(&key) {
            self.forget_value(&key);
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
