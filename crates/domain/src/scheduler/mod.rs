//! The scheduler's decisions for one partition of `pending`: fold it into the store, fire what is due, trust nothing
//! that may be stale. Rules 12 and 14 of the delivery protocol.
//!
//! One store operation is outstanding at a time; its reply is the next input. "Fired" is marked after the
//! acknowledgement of the record in `deliveries`, and ended by the tombstone that comes back through the log.

mod action;
mod codec;
mod config;
mod firing;
mod graves;
mod lanes;
mod ownership;
mod read_back;
mod reading;
mod replies;
#[cfg(test)]
mod tests;
mod turns;

pub use action::{Action, Backlog, Room};
pub use codec::{Malformed, Read, read};
pub use config::Config;
pub use lanes::LaneShown;
pub use read_back::{Found, ReadBack};

use crate::clock::Now;
use crate::store::{Guard, Under};
use bytes::Bytes;
use firing::Firing;
use graves::Graves;
use lanes::Lanes;
use read_back::{Missing, ReadingBack};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

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
    backlog: Backlog,
    buffer: VecDeque<Read>,
    buffer_bytes: usize,
    seen_end_at_ms: Option<i64>,
    store_busy: bool,
    /// Under way to the store.
    applying: Vec<Read>,
    applying_upto: i64,
    applying_as_of_ms: Option<i64>,
    /// Of payloads that the store would keep.
    room_bytes: u64,
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
    /// Picked without their payloads, which are being read.
    reading_back: Option<ReadingBack>,
    reads_back: u64,
    /// What was due and needs its payload had to wait for others.
    due_passed_over: bool,
    missing: HashMap<Bytes, Missing>,
    /// Which of the turns comes next.
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
            backlog: Backlog::default(),
            buffer: VecDeque::new(),
            buffer_bytes: 0,
            seen_end_at_ms: None,
            store_busy: false,
            applying: Vec::new(),
            applying_upto: -1,
            applying_as_of_ms: None,
            room_bytes: u64::MAX,
            probing: false,
            probe_is_old: false,
            firing: HashMap::new(),
            to_mark: Vec::new(),
            marking: Vec::new(),
            lanes: Lanes::default(),
            graves: Graves::new(now),
            to_hold: Vec::new(),
            holding: Vec::new(),
            reading_back: None,
            reads_back: 0,
            due_passed_over: false,
            missing: HashMap::new(),
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

    /// Whether another record of `pending` may be read.
    pub fn wants_more(&self) -> bool {
        self.phase == Phase::Running
            && self.backlog.room != Room::Full
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

    /// How much waits, as the store said last.
    pub fn backlog(&self) -> Backlog {
        self.backlog
    }

    /// The subscriptions of which most waits for credits, `n` at most, the longest lane first.
    pub fn top(&self, now: Now, n: usize) -> Vec<LaneShown> {
        self.lanes.top(now, n)
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
}
