//! What the partitions of a process share.

use crate::templates::Templates;
use aerogram_domain::deliverer::{Config, Shared};
use aerogram_egress::EgressClient;
use aerogram_kafka::{Companions, Ends, Writer};
use aerogram_seal::Sealer;
use aerogram_state::Leases;
use aerogram_telemetry::Said;
use aerogram_telemetry::{Clock, Health};
use std::sync::Arc;

/// What all partitions of the process share.
pub struct Parts {
    pub durable: Writer,
    pub expiring: Writer,
    pub companions: Companions,
    pub ends: Ends,
    pub egress: EgressClient,
    pub sealer: Sealer,
    pub templates: Templates,
    /// What was said of keys that are missing or wrong.
    pub said: Said,
    /// What was said of attempts that failed; apart, so that many of them leave room for our own faults.
    pub failures_said: Said,
    pub shared: Shared,
    /// Where tokens of rate limits are leased; `None`: this process is the only one.
    pub leases: Option<Arc<Leases>>,
    pub limits: Config,
    /// Of the beginning of an answer that is kept.
    pub excerpt_max_bytes: usize,
    pub clock: Clock,
    pub health: Health,
    /// How claims and logs name this process.
    pub name: String,
}
