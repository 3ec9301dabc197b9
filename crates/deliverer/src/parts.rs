//! What the partitions of a process share.

use crate::templates::Templates;
use aerogram_domain::deliverer::Config;
use aerogram_domain::policy::Policies;
use aerogram_egress::EgressClient;
use aerogram_kafka::{Companions, Ends, Writer};
use aerogram_seal::Sealer;
use aerogram_telemetry::Said;
use aerogram_telemetry::{Clock, Health};
use std::sync::Arc;
use std::time::Duration;

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
    pub policies: Arc<Policies>,
    pub limits: Config,
    pub request_timeout: Duration,
    /// Of the beginning of an answer that is kept.
    pub excerpt_max_bytes: usize,
    pub clock: Clock,
    pub health: Health,
    /// How claims and logs name this process.
    pub name: String,
}
