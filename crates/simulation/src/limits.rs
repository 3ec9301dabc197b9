//! The times of the model. They keep the order that rule 10 asks for: the horizon exceeds staleness + lateness of a
//! write + fanout's window, and so much of it passes in a run that memory really is forgotten.

pub const PARTITIONS: usize = 2;
/// The size of a record of `deliveries`.
pub const RECORD_BYTES: usize = 100;
pub const DELIVERERS: usize = 3;
pub const SCHEDULERS: usize = 2;
pub const API_PROCESSES: usize = 2;

/// A silent member is out of its group after this long.
pub const SESSION_MS: i64 = 10_000;
pub const LEASE_MS: i64 = 7_000;
/// A deliverer that does not know of a change of a subscription for longer than this sends nothing.
pub const TABLE_AGE_MS: i64 = 5_000;
/// A drain takes at most this long.
pub const DRAIN_MS: i64 = 4_000;
/// L: a write of the expiring writers is not begun later than this after it was given.
pub const WRITE_EXPIRES_MS: i64 = 30_000;
/// What was under way at a crash or an expiry is appended at most this much later.
pub const LATE_WRITE_MS: i64 = 20_000;
/// X: nothing fires from a position that is staler.
pub const STALENESS_MS: i64 = 30_000;
/// Fanout emits again at most this long after the first time, unless it reads old events again.
pub const FANOUT_WINDOW_MS: i64 = 60_000;
pub const HORIZON_MS: i64 = 200_000;
/// How long after its tombstone an entry may still be written again: twice until its write is given up, and late.
pub const REWRITE_MAX_MS: i64 = 90_000;
/// Outstanding by credit of one subscription, at most.
pub const WINDOW_MAX: usize = 3;
/// `delete.retention.ms` of `pending`.
pub const RETENTION_MS: i64 = 300_000;
/// What `commands` keeps.
pub const COMMANDS_KEPT_MS: i64 = 86_400_000;
/// A transaction that takes longer is aborted.
pub const TRANSACTION_MS: i64 = 60_000;
pub const REQUEST_TIMEOUT_MS: i64 = 5_000;
/// Wall clocks are wrong by at most this much, either way.
pub const SKEW_MS: i64 = 1_500;
/// Now and then nothing happens for longer than our own faults are forgiven.
pub const NIGHT_MS: i64 = 90_000_000;
/// When the world begins, by the broker's clock: five minutes before the last day of a January with a leap day after it.
pub const BEGINNING_MS: i64 = 1_706_658_900_000;
