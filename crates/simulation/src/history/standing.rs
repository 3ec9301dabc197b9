//! How each run must stand, told a second time: from the oracle's own reading of `attempts`, and from what stands in the
//! other logs.

use super::{History, in_order};
use crate::limits::PARTITIONS;
use crate::logs::Keyed;
use crate::oracle::{kept, key_of};
use crate::reference::Run;
use crate::surroundings::Surroundings;
use aerogram_domain::history::{Progress, Status};
use aerogram_wire::Message as _;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{LineKind, PendingEntry, PendingKind};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

impl History {
    /// It has read everything: every run stands as it must.
    pub(super) fn tell(&self, world: &mut Surroundings) {
        if !world.calm {
            world.count("histories told while all is under way");
        }
        for p in 0..PARTITIONS {
            let fired = fired(world, p);
            let parked = parked_first(world, p);
            let none = Run::default();
            let known = world.oracle.references[p].runs.iter();
            let unknown = fired.keys().chain(&parked).map(|key| (key, &none));
            let mut runs: BTreeMap<_, _> = unknown.collect();
            runs.extend(known);
            let wrong = runs.into_iter().find_map(|(key, run)| {
                let is_fired = fired.get(key).is_some_and(|seq| *seq >= next_seq(run));
                let waits = !is_fired && parked.contains(key);
                let what = self
                    .runs
                    .get(key)
                    .map_or(Some("is not known"), |progress| misjudged(progress, run, is_fired, waits))?;
                Some(format!("(s) {key:?} {what}: {:?} after {:?}", self.runs.get(key), run.ended))
            });
            if let Some(wrong) = wrong {
                return world.oracle.fail(|| wrong);
            }
        }
    }
}

fn next_seq(run: &Run) -> u32 {
    run.settled.last_key_value().map_or(0, |(seq, _)| seq + 1)
}

/// The highest seq of each run in `deliveries`.
fn fired(world: &Surroundings, p: usize) -> BTreeMap<RunKey, u32> {
    let mut fired = BTreeMap::new();
    for (_, stored) in world.kafka.partitions[p].deliveries.iter_from(0) {
        let highest = fired.entry(key_of(&stored.record)).or_default();
        *highest = stored.record.seq.max(*highest);
    }
    fired
}

/// Runs whose first record was written to wait for a credit.
fn parked_first(world: &Surroundings, p: usize) -> BTreeSet<RunKey> {
    let log = &world.kafka.partitions[p].pending;
    let (mut parked, mut next) = (BTreeSet::new(), 0);
    while let Some(Keyed { offset, key, value, .. }) = log.next_from(next) {
        next = offset + 1;
        if is_parked_first(key, value.as_ref()) {
            parked.insert(key.run);
        }
    }
    parked
}

fn is_parked_first(key: &PendingKey, value: Option<&Bytes>) -> bool {
    let entry = value.filter(|_| key.seq == 0).and_then(|value| PendingEntry::decode(value.clone()).ok());
    entry.is_some_and(|entry| entry.kind() == PendingKind::Parked)
}

fn misjudged(progress: &Progress, run: &Run, is_fired: bool, waits: bool) -> Option<&'static str> {
    if in_order(progress.attempts.clone()) != kept(&in_order(run.attempts.clone())) {
        return Some("was tried otherwise");
    }
    if progress.attempts_made != run.counted {
        return Some("was tried more or less often");
    }
    if let Some(line) = &run.ended {
        let status = match line.kind() {
            LineKind::Delivered => Status::Delivered,
            LineKind::Escalated => Status::Escalated,
            LineKind::Cancelled => Status::Cancelled,
            LineKind::Expired => Status::Expired,
            _ => Status::Superseded,
        };
        let right = progress.status == status && progress.reason == line.reason() && progress.due_at_ms == 0;
        return (!right).then_some("ended otherwise");
    }
    let last = run.settled.last_key_value().map(|(_, line)| line);
    let is_parked = !is_fired && last.map_or(waits, |line| line.kind() == LineKind::Parked);
    let status = match run.attempts.is_empty() {
        _ if is_parked => Status::Parked,
        true => Status::Pending,
        false => Status::Retrying,
    };
    if progress.status != status {
        return Some("stands otherwise");
    }
    let due_ms = last.filter(|line| !is_fired && line.kind() == LineKind::Retry).map(|line| line.due_at_ms);
    due_ms.is_some_and(|due_ms| due_ms != progress.due_at_ms).then_some("is due otherwise")
}
