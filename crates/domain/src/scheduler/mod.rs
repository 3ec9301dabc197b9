//! The scheduler's decisions for one partition of `pending`: fold it into the store, fire what is due, trust nothing
//! that may be stale. Rules 12 and 14 of the delivery protocol.
//!
//! One store operation is outstanding at a time; its reply is the next input. "Fired" is marked after the
//! acknowledgement of the record in `deliveries`, and ended by the tombstone that comes back through the log.

mod codec;
mod config;
mod graves;
mod lanes;
#[cfg(test)]
mod tests;
mod turns;

pub use codec::{Malformed, Read, read};
pub use config::Config;

use crate::clock::Now;
use crate::sabotage::{Rule, removed};
use crate::store::{Change, Guard, StoreOp, StoreReply, Under};
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Delivery, LineKind};
use bytes::Bytes;
use graves::Graves;
use lanes::Lanes;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// So many probes without progress short of the end make the partition be read anew.
const STALLED_PROBES_MAX: u32 = 5;

/// What the shell shall do.
#[derive(Debug)]
pub enum Action {
    /// Carry out; answer with [`Partition::on_store`].
    Store(StoreOp),
    /// Show that the partition is still ours by a commit; answer with [`Partition::on_proved`].
    Prove,
    /// Ask for the end of `pending`; answer with [`Partition::on_end`].
    ProbeEnd,
    /// Read `pending` on from here; what was read before is void. Everything there, then [`Partition::on_log_end`].
    ReadFrom { offset: i64 },
    /// Write to `deliveries` with the expiring writer; answer with [`Partition::on_fired`]. `due_at_ms`: since when it could
    /// have been.
    Fire { key: PendingKey, delivery: Box<Delivery>, due_at_ms: i64 },
    /// Say how many entries there are, and of how many subscriptions the work flows back by credits; for the metrics.
    Pending { entries: usize, paced: usize, shut: usize },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Proving the ownership before the store may be touched.
    Proving {
        reset: bool,
    },
    TakingOver,
    /// Asking for the end that must be reached before anything fires.
    Probing,
    Running,
    Lost,
}

/// An entry on its way to `deliveries`.
struct Firing {
    /// Another record of the key was applied since, so that this firing marks nothing.
    changed: bool,
    /// Of its key and value.
    bytes: usize,
    /// By a credit of this lane.
    lane: Option<Bytes>,
}

/// The state of one owned partition.
pub struct Partition {
    config: Config,
    owner: u64,
    layout_id: String,
    phase: Phase,
    applied: i64,
    as_of_ms: i64,
    /// The end seen at takeover; nothing fires before it is reached.
    target: i64,
    /// The end asked for before the last `ReadFrom`, until the first log end after it.
    end_before_read: Option<i64>,
    /// Offsets known to hold nothing: the log's tail was compacted away.
    gap: Range<i64>,
    /// The position, and how many probes in a row found nothing read since and the end not reached.
    stalled: (i64, u32),
    /// Entries in the store, as it said last.
    pending: usize,
    buffer: VecDeque<Read>,
    buffer_bytes: usize,
    seen_end_at_ms: Option<i64>,
    store_busy: bool,
    applying_upto: i64,
    /// Keys under way to the store, and how what was fired ended.
    applying_ends: Vec<(Bytes, Option<LineKind>)>,
    probing: bool,
    /// The probe under way was asked before the takeover, so its answer is not the end seen at takeover.
    probe_is_old: bool,
    /// Fired and not acknowledged, or acknowledged and not marked.
    firing: HashMap<Bytes, Firing>,
    to_mark: Vec<(Bytes, Option<Bytes>)>,
    marking: Vec<(Bytes, Option<Bytes>)>,
    lanes: Lanes,
    graves: Graves,
    /// Due, but of a paced subscription: on their way to their lanes.
    to_hold: Vec<(Bytes, Bytes)>,
    holding: Vec<(Bytes, Bytes)>,
    /// Which of [`TURNS`] comes next.
    turn: usize,
    pick_due: bool,
    credits_due: bool,
    draining: bool,
    held: bool,
    next_tick_ms: i64,
    next_probe_ms: i64,
    retry_store_at_ms: i64,
}

impl Partition {
    /// `owner` is a nonce nobody else uses.
    pub fn new(config: Config, owner: u64, layout_id: String, now: Now) -> Self {
        Self {
            config,
            owner,
            layout_id,
            phase: Phase::Proving { reset: false },
            applied: -1,
            as_of_ms: 0,
            target: i64::MAX,
            end_before_read: None,
            gap: 0..0,
            stalled: (-1, 0),
            pending: 0,
            buffer: VecDeque::new(),
            buffer_bytes: 0,
            seen_end_at_ms: None,
            store_busy: false,
            applying_upto: -1,
            applying_ends: Vec::new(),
            probing: false,
            probe_is_old: false,
            firing: HashMap::new(),
            to_mark: Vec::new(),
            marking: Vec::new(),
            lanes: Lanes::default(),
            graves: Graves::new(now),
            to_hold: Vec::new(),
            holding: Vec::new(),
            turn: 0,
            pick_due: false,
            credits_due: false,
            draining: false,
            held: false,
            next_tick_ms: 0,
            next_probe_ms: 0,
            retry_store_at_ms: 0,
        }
    }

    /// The first action of an owner.
    pub fn start(&mut self, out: &mut Vec<Action>) {
        self.prove(false, out);
    }

    /// Whether another record of `pending` may be read.
    pub fn wants_more(&self) -> bool {
        self.phase == Phase::Running
            && self.buffer.len() < self.config.buffer_max
            && self.buffer_bytes < self.config.buffer_bytes_max
    }

    /// Caught up since the takeover, and lately enough to fire.
    ///
    /// A time in the future is none: the clock was set back, and nobody knows how long ago it was.
    pub fn is_ready(&self, now: Now) -> bool {
        self.phase == Phase::Running
            && !self.held
            && self.position() >= self.target
            && (0..=self.config.staleness_max_ms).contains(&(now.wall_ms - self.as_of_ms))
    }

    /// While `held`, nothing is fired: the store may lose entries by itself.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// The partition is another's.
    pub fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Nothing more is fired.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Nothing fired waits for its acknowledgement.
    pub fn is_drained(&self) -> bool {
        self.firing.is_empty() && !self.store_busy
    }

    /// When [`Partition::tick`] wants to be called next, by the monotonic clock.
    pub fn next_wake_ms(&self) -> i64 {
        self.next_tick_ms
    }

    /// Everything below is applied.
    fn position(&self) -> i64 {
        let next = self.applied + 1;
        if next >= self.gap.start { next.max(self.gap.end) } else { next }
    }

    fn under(&self, now: Now) -> Under {
        let guard = Guard { owner: self.owner, applied: self.applied };
        Under { guard, now_ms: now.wall_ms, age_max_ms: self.config.age_max_ms }
    }

    fn prove(&mut self, reset: bool, out: &mut Vec<Action>) {
        self.phase = Phase::Proving { reset };
        self.store_busy = false;
        out.push(Action::Prove);
    }

    /// Whether a commit succeeded: only the group's present member can.
    pub fn on_proved(&mut self, now: Now, ours: bool, out: &mut Vec<Action>) {
        let Phase::Proving { reset } = self.phase else { return };
        if !ours {
            self.phase = Phase::Lost;
            return;
        }
        self.phase = Phase::TakingOver;
        self.take_over(now, reset, out);
    }

    fn take_over(&mut self, now: Now, reset: bool, out: &mut Vec<Action>) {
        self.buffer.clear();
        self.buffer_bytes = 0;
        self.to_hold.clear();
        self.holding.clear();
        self.applying_ends.clear();
        self.store_busy = true;
        out.push(Action::Store(StoreOp::TakeOver {
            owner: self.owner,
            layout_id: self.layout_id.clone(),
            now_ms: now.wall_ms,
            age_max_ms: self.config.age_max_ms,
            reset,
        }));
    }

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
                entry.first = (!again && first) || removed(Rule::First);
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

    /// The reader says that it returned everything there was.
    pub fn on_log_end(&mut self, now: Now, out: &mut Vec<Action>) {
        // Only the first one after a ReadFrom is known to be younger than the probe.
        if let Some(end) = self.end_before_read.take() {
            let last_read = self.buffer.back().map_or(self.applied, |record| record.offset);
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

    /// The answer to the outstanding operation.
    pub fn on_store(&mut self, now: Now, reply: StoreReply, out: &mut Vec<Action>) {
        self.store_busy = false;
        match reply {
            StoreReply::TakenOver { applied, as_of_ms, lanes, outstanding } => {
                self.applied = applied;
                self.as_of_ms = as_of_ms;
                self.lanes.taken_over(&self.config, now, lanes, outstanding);
                self.phase = Phase::Probing;
                self.probe_is_old = self.probing;
                self.probe(out);
            }
            StoreReply::Applied { pending, lanes } => {
                self.applied = self.applying_upto;
                self.pending = pending;
                self.lanes.waiting(&self.config, now, lanes);
                for (key, ended) in std::mem::take(&mut self.applying_ends) {
                    self.lanes.returned(&self.config, now, &key, ended);
                    self.credits_due = true;
                }
                let (paced, shut) = self.lanes.counts();
                out.push(Action::Pending { entries: pending, paced, shut });
            }
            // The answer may have taken long, and the position grown stale meanwhile.
            StoreReply::Picked(picked) if self.is_ready(now) && !self.draining => {
                self.fire_due(now, picked, out);
            }
            StoreReply::Parked(picked) if self.is_ready(now) && !self.draining => {
                self.fire_by_credit(now, picked, out);
            }
            StoreReply::Picked(_) | StoreReply::Parked(_) => {}
            StoreReply::Held { lanes } => {
                self.holding.clear();
                self.lanes.waiting(&self.config, now, lanes);
                self.credits_due = true;
            }
            StoreReply::Marked { lanes } => {
                for (key, _) in self.marking.drain(..) {
                    self.firing.remove(&key);
                }
                self.lanes.waiting(&self.config, now, lanes);
            }
            StoreReply::Mismatch | StoreReply::TooOld => {
                self.to_mark.append(&mut self.marking);
                self.applying_ends.clear();
                return self.prove(true, out);
            }
            StoreReply::Down => {
                // Whether it happened is unknown: ask the store where it stands before going on.
                self.to_mark.append(&mut self.marking);
                self.retry_store_at_ms = now.mono_ms + self.config.store_retry_ms;
                self.phase = Phase::TakingOver;
                return;
            }
        }
        self.pump(now, out);
    }

    /// The record in `deliveries` was acknowledged, or expired on the way.
    pub fn on_fired(&mut self, now: Now, key: &PendingKey, acknowledged: bool, out: &mut Vec<Action>) {
        let key = key.encode();
        match self.firing.get(&key) {
            Some(Firing { changed: false, lane, .. }) if acknowledged => {
                self.to_mark.push((key, lane.clone()));
            }
            // Chosen again: if it was appended after all, the deliverer drops the copy.
            _ => {
                self.firing.remove(&key);
                if !acknowledged {
                    self.lanes.returned(&self.config, now, &key, None);
                }
            }
        }
        self.pump(now, out);
    }

    /// Call at least when [`Partition::next_wake_ms`] is reached.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.phase == Phase::TakingOver && !self.store_busy && now.mono_ms >= self.retry_store_at_ms {
            self.take_over(now, false, out);
        }
        if matches!(self.phase, Phase::Probing | Phase::Running) && now.mono_ms >= self.next_probe_ms {
            self.probe(out);
            self.next_probe_ms = now.mono_ms + self.config.probe_interval_ms;
        }
        if now.mono_ms >= self.next_tick_ms {
            self.next_tick_ms = now.mono_ms + self.config.tick_ms;
            self.pick_due = true;
            self.credits_due = true;
            self.pump(now, out);
        }
    }

    fn probe(&mut self, out: &mut Vec<Action>) {
        if !self.probing {
            self.probing = true;
            out.push(Action::ProbeEnd);
        }
    }
}
