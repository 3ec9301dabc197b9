//! The deliverer from top to bottom: connect, then own each partition that the group assigns.
//!
//! `deliveries` p → lanes → HTTPS → lines in `attempts` p → read back → `pending` / `escalations` / commit.

use crate::configure;
use crate::failed;
use crate::observe;
use crate::owner;
use crate::parts::Parts;
use crate::templates::Templates;
use aerogram_egress::EgressClient;
use aerogram_kafka::{Cluster, GroupConfig, run_group};
use aerogram_seal::Sealer;
use aerogram_settings::{Settings, Store};
use aerogram_state::Leases;
use aerogram_telemetry::Said;
use aerogram_telemetry::{Clock, Health};
use aerogram_wire::Topic;
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Runs until `shutdown`; partitions are drained before it returns.
pub async fn run(settings: Settings, health: Health, shutdown: CancellationToken) -> anyhow::Result<()> {
    let sealer = Sealer::from_settings(&settings.seal)
        .context("the deliverer needs the keys that open signing keys")?;
    let egress = EgressClient::new(&settings.deliverer).context("the HTTPS client cannot be set up")?;
    let (kafka, assigned) = (health.condition("kafka connected"), health.condition("partitions assigned"));
    kafka.set(false, "waiting for the brokers and the topics");
    let cluster = match Cluster::connect(&settings, &shutdown).await {
        Err(_) if shutdown.is_cancelled() => return Ok(()),
        connected => connected?,
    };
    kafka.set(true, "connected");

    let partitions = cluster.layout().partitions;
    let leases = match settings.scheduler.store {
        Store::Redis => Some(Arc::new(Leases::open(&settings)?)),
        Store::Memory => None,
    };
    let request_timeout = Duration::from_millis(settings.deliverer.request_timeout_ms);
    let drain_within = request_timeout.min(Duration::from_millis(settings.kafka.max_poll_interval_ms / 3));
    let group = GroupConfig {
        group: settings.deliverer.group.clone(),
        topics: vec![cluster.topic(Topic::Deliveries)],
        external: false,
        drain: drain_within,
        assigned: Some(assigned),
    };
    let parts = Arc::new(Parts {
        durable: cluster.writer()?,
        expiring: cluster.expiring_writer()?,
        companions: cluster.companions()?,
        ends: cluster.ends()?,
        egress,
        sealer,
        templates: Templates::default(),
        said: Said::default(),
        failures_said: Said::of(failed::REMEMBERED_MAX),
        shared: configure::shared(&settings, partitions, leases.is_some()),
        leases,
        limits: configure::limits(&settings, partitions),
        excerpt_max_bytes: settings.deliverer.excerpt_max_bytes,
        clock: Clock::new(),
        health,
        name: format!("{}-{:08x}", std::process::id(), fastrand::u32(..)),
    });
    let shared = parts.clone();
    let group = run_group(&cluster, group, shutdown, move |assignment| {
        tokio::spawn(owner::own(shared.clone(), assignment))
    });
    tokio::select! {
        ended = group => ended?,
        never = observe::held_bytes(&parts.shared) => match never {},
    }
    parts.durable.flush(drain_within).await;
    Ok(())
}
