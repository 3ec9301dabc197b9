//! What the partitions of a process share.

use aerogram_domain::scheduler::Config;
use aerogram_kafka::{Ends, Writer};
use aerogram_state::AnyStore;
use aerogram_telemetry::{Clock, Health};
use std::sync::atomic::AtomicBool;

/// What all partitions of the process share.
pub struct Parts {
    pub layout_id: String,
    pub expiring: Writer,
    pub ends: Ends,
    pub store: AnyStore,
    /// Whether the store may lose entries by itself; looked at again and again.
    pub unfit: AtomicBool,
    pub config: Config,
    pub clock: Clock,
    pub health: Health,
}
