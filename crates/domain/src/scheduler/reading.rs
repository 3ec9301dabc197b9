//! What is read of `pending`, and how far that is.

use super::{Action, Partition, Phase, Read};
use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use crate::store::Change;
use aerogram_wire::key::PendingKey;
use bytes::Bytes;

/// When something was asked for is told by the clocks of those who ask.
const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

/// So many probes without progress short of the end make the partition be read anew.
pub(super) const STALLED_PROBES_MAX: u32 = 5;

impl Partition {
    /// A record of `pending`, in order.
    pub fn on_record(&mut self, now: Now, mut record: Read) {
        if self.phase != Phase::Running || record.offset <= self.applied {
            return;
        }
        match &mut record.change {
            Change::Remove { key } => {
                let (kept_ms, max) = (self.config.rewrite_max_ms, self.config.graves_max);
                self.graves.removed(now, key.clone(), kept_ms, max);
            }
            Change::Put { key, entry } => {
                let again = self.graves.holds(now, key, self.config.rewrite_max_ms);
                let first = self.is_first(now, key, record.appended_ms);
                entry.first = !again && first && self.is_asked_lately(now, key, entry.due_at_ms);
                // Written again after its tombstone: it is settled, and whoever settled it may not remember for long.
                entry.lane = entry.lane.take().filter(|_| !again);
            }
        }
        self.buffer_bytes += record.change.bytes();
        self.buffer.push_back(record);
    }

    /// Whether an entry that is read now was certainly not fired before: it is read as it is written, and no tombstone of
    /// the time in which it may be written again was overlooked.
    fn is_first(&self, now: Now, key: &Bytes, appended_ms: i64) -> bool {
        let read_at_once = now.wall_ms - appended_ms <= self.config.staleness_max_ms;
        read_at_once
            && self.graves.is_complete(now, self.config.rewrite_max_ms)
            && self.lanes.credit_of(key).is_none()
            && !self.firing.contains_key(key)
    }

    /// The first record of a run is written by who sends again what has ended, and written again by who goes on with that, at
    /// any time: all of them say when it was asked for. No tombstone of it is older than that.
    fn is_asked_lately(&self, now: Now, key: &Bytes, asked_ms: i64) -> bool {
        let begins = PendingKey::decode(key).is_none_or(|key| key.seq == 0);
        let lately = now.wall_ms - asked_ms <= self.config.rewrite_max_ms - CLOCKS_DIFFER_MAX_MS;
        !begins || lately || removed(Rule::AskedLately)
    }

    /// The reader says that it returned everything there was.
    pub fn on_log_end(&mut self, now: Now, out: &mut Vec<Action>) {
        // Only the first one after a ReadFrom is known to be younger than the probe.
        if let Some(end) = self.end_before_read.take() {
            let applying = self.applying.last().map_or(self.applied, |record| record.offset);
            let last_read = self.buffer.back().map_or(applying, |record| record.offset);
            self.gap = last_read + 1..end;
        }
        self.pump(now, out);
    }

    /// The end of `pending` as asked at `asked_at_ms`; `None`: it could not be found out.
    pub fn on_end(&mut self, now: Now, end: Option<i64>, asked_at_ms: i64, out: &mut Vec<Action>) {
        self.probing = false;
        self.next_probe_ms = now.mono_ms + self.config.probe_interval_ms;
        if std::mem::take(&mut self.probe_is_old) {
            return self.probe(out);
        }
        self.missing_ends_by(end);
        let Some(end) = end else { return };
        if self.phase == Phase::Probing {
            self.phase = Phase::Running;
            self.target = end;
            self.gap = 0..0;
            self.read_again(end, out);
        }
        if self.position() >= end {
            self.seen_end_at_ms = Some(asked_at_ms);
        } else if self.is_stalled() {
            self.read_again(end, out);
        }
        if self.lacks_payloads() {
            return self.prove(true, out);
        }
        self.pump(now, out);
    }

    fn read_again(&mut self, end: i64, out: &mut Vec<Action>) {
        self.stalled = (-1, 0);
        self.end_before_read = Some(end);
        out.push(Action::ReadFrom { offset: self.applied + 1 });
    }

    /// Nothing comes though the end is not reached: the tail was compacted away after it was announced. Only a new read
    /// tells that nothing is there.
    fn is_stalled(&mut self) -> bool {
        let position = self.position();
        let idle = self.phase == Phase::Running && self.buffer.is_empty() && !self.store_busy;
        self.stalled = match self.stalled {
            (at, probes) if idle && at == position => (at, probes + 1),
            _ => (position, 0),
        };
        self.stalled.1 >= STALLED_PROBES_MAX
    }
}
