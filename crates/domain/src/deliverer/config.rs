//! What a partition is given: its limits, and what it shares with the other partitions of its process.

use super::{FailingConfig, LaneConfig};
use crate::limits::{Budget, Installation, Limiter};
use crate::policy::Policies;
use std::sync::{Arc, Mutex};

/// Limits of one partition.
#[derive(Clone, Debug)]
pub struct Config {
    pub lanes: LaneConfig,
    /// Requests begun whose line has not been read back: what a crash may repeat.
    pub in_flight_max: usize,
    /// Deliveries in memory that are not settled.
    pub items_max: usize,
    /// Bytes of all in memory.
    pub item_bytes_max: usize,
    /// Bytes of what is remembered as settled; past it records are taken few at a time, until some of it is older than
    /// the horizon.
    pub memory_bytes_max: usize,
    pub failing: FailingConfig,
    /// H of the protocol.
    pub horizon_ms: i64,
    /// A lane sends only while the last successful commit is younger: session timeout less a margin.
    pub lease_ms: i64,
    pub commit_interval_ms: i64,
    /// Lines in one record.
    pub line_batch_max: usize,
    /// How long a line waits for company.
    pub line_batch_wait_ms: i64,
    /// A delivery that waits longer for the table to reach its position makes the owner start again.
    pub freshness_wait_ms: i64,
    /// How often the end of `subscriptions` is asked for.
    pub table_ask_interval_ms: i64,
    /// Nothing is sent unless all changes of subscriptions older than this are applied.
    pub table_age_max_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lanes: LaneConfig::default(),
            in_flight_max: 64,
            items_max: 20_000,
            item_bytes_max: 16 << 20,
            memory_bytes_max: 128 << 20,
            failing: FailingConfig::default(),
            horizon_ms: 120_000,
            lease_ms: 7_000,
            commit_interval_ms: 1_000,
            line_batch_max: 64,
            line_batch_wait_ms: 5,
            freshness_wait_ms: 5_000,
            table_ask_interval_ms: 1_000,
            table_age_max_ms: 5_000,
        }
    }
}

/// What the partitions of a process share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub policies: Arc<Policies>,
    /// What receivers may be asked for at most.
    pub installation: Arc<Installation>,
    pub limiter: Arc<Mutex<Limiter>>,
    /// Bytes of deliveries in memory, of all partitions of the process.
    pub item_bytes: Arc<Budget>,
    /// Bytes of what they remember as settled.
    pub memory_bytes: Arc<Budget>,
}

impl Shared {
    /// Of a process that is alone, without any limit.
    pub fn unlimited(policies: Arc<Policies>) -> Self {
        Self {
            policies,
            installation: Arc::default(),
            limiter: Arc::new(Mutex::new(Limiter::new(false, 1))),
            item_bytes: Arc::new(Budget::new(usize::MAX)),
            memory_bytes: Arc::new(Budget::new(usize::MAX)),
        }
    }
}
