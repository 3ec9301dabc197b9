//! What the shell is told to do.

use crate::store::StoreOp;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::Delivery;

/// What the shell shall do.
#[derive(Debug)]
pub enum Action {
    /// Carry out; answer with [`Partition::on_store`](super::Partition::on_store).
    Store(StoreOp),
    /// Show that the partition is still ours by a commit; answer with
    /// [`Partition::on_proved`](super::Partition::on_proved).
    Prove,
    /// Ask for the end of `pending`; answer with [`Partition::on_end`](super::Partition::on_end).
    ProbeEnd,
    /// Read `pending` on from here; what was read before is void. Everything there, then
    /// [`Partition::on_log_end`](super::Partition::on_log_end).
    ReadFrom { offset: i64 },
    /// Read what stands in `pending` at these offsets, which rise, beside what is read in order; answer with
    /// [`Partition::on_read_back`](super::Partition::on_read_back) within a few seconds, with what could be read by then.
    ReadBack { number: u64, offsets: Vec<i64> },
    /// Write to `deliveries` with the expiring writer; answer with [`Partition::on_fired`](super::Partition::on_fired).
    /// `due_at_ms`: since when it could have been.
    Fire { key: PendingKey, delivery: Box<Delivery>, due_at_ms: i64 },
    /// Say how much waits, and how the store is; for metrics, health and log.
    Show(Backlog),
}

/// How much waits in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Backlog {
    /// Waiting, or fired without a tombstone.
    pub entries: usize,
    /// Waiting, with the payload in the store.
    pub kept: usize,
    /// Waiting, with the payload only in the log.
    pub in_log: usize,
    /// Subscriptions whose work flows back by credits.
    pub paced: usize,
    /// And how many of those are probed.
    pub shut: usize,
    pub room: Room,
}

/// How the store is doing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Room {
    /// It answers, and keeps everything with its payload.
    #[default]
    Enough,
    /// Of some it keeps the position only.
    Positions,
    /// It has no room for positions either: nothing more is read, until there is.
    Full,
    /// It does not answer.
    Away,
}
