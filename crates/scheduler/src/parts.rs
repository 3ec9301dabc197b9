//! What the partitions of a process share.

use crate::observe::Rooms;
use aerogram_domain::scheduler::Config;
use aerogram_kafka::{Cluster, Companions, Ends, Writer};
use aerogram_state::AnyStore;
use aerogram_telemetry::{Clock, Health};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;

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
    pub rooms: Arc<Rooms>,
    pub cluster: Cluster,
    /// Reads payloads back; made when the first is needed.
    pub payloads: OnceCell<Companions>,
}
