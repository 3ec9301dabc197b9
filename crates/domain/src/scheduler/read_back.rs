//! Payloads that the store does not keep: they are read where their records stand in `pending`.
//!
//! The record may be gone: compaction removes what a later record of the key superseded, and that one may not be applied
//! yet. Then nothing is fired, and when the end asked for since is applied and the entry still stands there, the store
//! is not what the log says.

use super::{Action, Partition, Phase};
use crate::clock::Now;
use crate::store::{Payload, Picked};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

/// What was found at an offset. Of an offset that was asked for and is not among the answers nothing is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadBack {
    pub offset: i64,
    /// `None`: no record stands there any more.
    pub found: Option<Found>,
}

/// A record of `pending`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub key: Bytes,
    /// `None`: a tombstone.
    pub value: Option<Bytes>,
}

/// Picked together, and fired together when what lacks its payload has it.
pub(super) struct ReadingBack {
    number: u64,
    by_credit: bool,
    picked: Vec<Picked>,
}

impl ReadingBack {
    pub fn len(&self) -> usize {
        self.picked.len()
    }

    pub fn bytes(&self) -> usize {
        self.picked.iter().map(|picked| picked.key.len() + picked.entry.payload.bytes()).sum()
    }

    /// Another record of the key was applied.
    pub fn forget(&mut self, key: &Bytes) {
        self.picked.retain(|picked| picked.key != *key);
    }
}

/// An entry whose record was not where it should be.
pub(super) struct Missing {
    pub lane: Option<Bytes>,
    superseded_by: End,
}

/// The end of `pending` before which the record that superseded it must stand.
enum End {
    ToBeAskedFor,
    AskedFor,
    At(i64),
}

impl Partition {
    /// Asks for what these lack.
    pub(super) fn read_back(&mut self, picked: Vec<Picked>, by_credit: bool, out: &mut Vec<Action>) {
        if picked.is_empty() {
            return;
        }
        if self.reading_back.is_some() {
            // They are picked again.
            self.due_passed_over |= !by_credit;
            return;
        }
        let in_log = |picked: &&Picked| matches!(picked.entry.payload, Payload::InLog { .. });
        let mut offsets: Vec<_> = picked.iter().filter(in_log).map(|picked| picked.entry.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        self.reads_back += 1;
        let number = self.reads_back;
        self.reading_back = Some(ReadingBack { number, by_credit, picked });
        out.push(Action::ReadBack { number, offsets });
    }

    /// What was read of what [`Action::ReadBack`] asked for.
    pub fn on_read_back(&mut self, now: Now, number: u64, read: Vec<ReadBack>, out: &mut Vec<Action>) {
        let Some(reading) = self.reading_back.take_if(|reading| reading.number == number) else { return };
        // Where nothing could be read, the next tick is soon enough.
        let goes_on = !read.is_empty();
        if self.is_ready(now) && !self.draining {
            let whole = self.complete(reading.picked, read);
            match reading.by_credit {
                true => self.fire_by_credit(now, whole, out),
                false => self.fire_due(now, whole, out),
            }
        }
        self.credits_due |= goes_on;
        if std::mem::take(&mut self.due_passed_over) && goes_on {
            self.pick_due = true;
            if reading.by_credit {
                self.due_is_next();
            }
        }
        self.pump(now, out);
    }

    /// Those whose payload is known now.
    fn complete(&mut self, picked: Vec<Picked>, read: Vec<ReadBack>) -> Vec<Picked> {
        let mut read: HashMap<_, _> = read.into_iter().map(|read| (read.offset, read.found)).collect();
        let (mut whole, mut interrupted) = (Vec::with_capacity(picked.len()), HashSet::new());
        for Picked { key, mut entry } in picked {
            if entry.lane.as_ref().is_some_and(|lane| interrupted.contains(lane)) {
                continue;
            }
            if let Payload::InLog { .. } = entry.payload {
                match read.remove(&entry.offset) {
                    Some(Some(Found { key: found, value: Some(value) })) if found == key => {
                        entry.payload = Payload::Here(value);
                    }
                    Some(_) => {
                        let superseded_by = End::ToBeAskedFor;
                        self.missing.insert(key, Missing { lane: entry.lane, superseded_by });
                        continue;
                    }
                    // Not read this time; who comes after it in its lane waits with it.
                    None => {
                        interrupted.extend(entry.lane);
                        continue;
                    }
                }
            }
            whole.push(Picked { key, entry });
        }
        whole
    }

    /// An end asked for from now on is behind whatever superseded what is missing.
    pub(super) fn missing_is_asked_for(&mut self) {
        for missing in self.missing.values_mut() {
            if let End::ToBeAskedFor = missing.superseded_by {
                missing.superseded_by = End::AskedFor;
            }
        }
    }

    pub(super) fn missing_ends_by(&mut self, end: Option<i64>) {
        for missing in self.missing.values_mut() {
            if let End::AskedFor = missing.superseded_by {
                missing.superseded_by = end.map_or(End::ToBeAskedFor, End::At);
            }
        }
    }

    /// Everything that may have superseded an entry is applied, it stands there as before, and its record is gone.
    pub(super) fn lacks_payloads(&self) -> bool {
        let position = self.position();
        let lacks = |missing: &Missing| matches!(missing.superseded_by, End::At(end) if end <= position);
        self.phase == Phase::Running && !self.store_busy && self.missing.values().any(lacks)
    }
}
