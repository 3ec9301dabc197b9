//! The operations, and what they answer.

use super::{Change, Entry, Waiting};
use bytes::Bytes;

/// What the caller believes of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Nonce of the owner that took it over last.
    pub owner: u64,
    /// Offset of the last `pending` record applied; -1: none.
    pub applied: i64,
}

/// What every operation but the takeover is carried out under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Under {
    pub guard: Guard,
    pub now_ms: i64,
    pub age_max_ms: i64,
}

/// How much of the payloads the store keeps. What it does not keep, it knows the position of; a store above these marks
/// lets go of payloads that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keep {
    /// Bytes of all payloads in the store of the partition, at most; below 2^53.
    pub bytes_max: u64,
    /// Of Redis' maxmemory, whoever uses it; without one, and in memory, `bytes_max` alone counts.
    pub high_water_percent: u32,
    /// Payloads let go of by one operation, at most.
    pub drop_max: usize,
}

/// An operation on the store of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreOp {
    /// Makes `owner` the owner. Resets when told to, when the layout is another one, and when the position is older
    /// than `age_max_ms`, or of unknown age: tombstones may have been compacted away since.
    TakeOver { owner: u64, layout_id: String, now_ms: i64, age_max_ms: i64, reset: bool },
    /// Applies records up to offset `upto`. `as_of_ms`: when the position was seen to be the log's end, if it was.
    Apply { under: Under, upto: i64, changes: Vec<Change>, as_of_ms: Option<i64>, keep: Keep },
    /// The earliest entries due by now and not fired: at most `limit`, and no further one once keys and payloads, those
    /// in the log too, have `bytes_max` bytes or more.
    Pick { under: Under, limit: usize, bytes_max: usize },
    /// The first ones of lanes, as many as each asks for, in the order asked; `bytes_max` as in `Pick`.
    PickParked { under: Under, wants: Vec<Waiting>, bytes_max: usize },
    /// These, which were due, wait in their lanes from now on.
    Hold { under: Under, keys: Vec<(Bytes, Bytes)> },
    /// These were fired and acknowledged, by a credit of their lane or because they were due; only a tombstone ends
    /// them now, and nobody needs their payload any more.
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
        payloads: Payloads,
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
    /// To `Apply`: it has no room, not even for positions, and nothing was applied.
    Full,
    /// No answer, so nobody knows whether it happened.
    Down,
}

/// Where the payloads are of what waits and was not fired.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Payloads {
    /// In the store.
    pub kept: usize,
    /// Only in the log.
    pub in_log: usize,
    /// So many bytes more the store would keep.
    pub room_bytes: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picked {
    pub key: Bytes,
    pub entry: Entry,
}
