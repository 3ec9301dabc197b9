//! The scheduler from top to bottom: connect, check the store, then own each partition that the group assigns.
//!
//! `pending` p → store → due → `deliveries` p.

use crate::observe::Rooms;
use crate::parts::Parts;
use crate::{owner, store};
use aerogram_domain::scheduler::Config;
use aerogram_kafka::{Cluster, GroupConfig, run_group};
use aerogram_settings::Settings;
use aerogram_telemetry::{Clock, Health};
use aerogram_wire::Topic;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// Runs until `shutdown`; what was fired is acknowledged before it returns.
pub async fn run(settings: Settings, health: Health, shutdown: CancellationToken) -> anyhow::Result<()> {
    // Before any of them holds: with one alone the start would look ready.
    let (kafka, assigned) = (health.condition("kafka connected"), health.condition("partitions assigned"));
    let store = match store::open(&settings, &health, &shutdown).await {
        Err(_) if shutdown.is_cancelled() => return Ok(()),
        opened => opened?,
    };
    kafka.set(false, "waiting for the brokers and the topics");
    let cluster = match Cluster::connect(&settings, &shutdown).await {
        Err(_) if shutdown.is_cancelled() => return Ok(()),
        connected => connected?,
    };
    kafka.set(true, "connected");

    let drain_within = Duration::from_millis(settings.kafka.max_poll_interval_ms / 3);
    let group = GroupConfig {
        group: settings.scheduler.group.clone(),
        topics: vec![cluster.topic(Topic::Pending)],
        external: false,
        drain: drain_within,
        assigned: Some(assigned),
    };
    let parts = Arc::new(Parts {
        layout_id: cluster.layout().layout_id.clone(),
        expiring: cluster.expiring_writer()?,
        ends: cluster.ends()?,
        store,
        unfit: AtomicBool::new(false),
        config: config(&settings, cluster.layout().partitions_of(Topic::Pending)),
        clock: Clock::new(),
        rooms: Arc::new(Rooms::new(&health)),
        cluster: cluster.clone(),
        payloads: OnceCell::new(),
        health,
    });
    let (shared, usable) = (parts.clone(), parts.health.condition(store::USABLE));
    let running = run_group(&cluster, group, shutdown, move |assignment| {
        tokio::spawn(owner::own(shared.clone(), assignment))
    });
    tokio::select! {
        ended = running => Ok(ended?),
        never = store::watch(&parts.store, &usable, &parts.unfit) => match never {},
    }
}

fn config(settings: &Settings, partitions: i32) -> Config {
    let ms = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let partitions = u64::try_from(partitions).unwrap_or(1).max(1);
    Config {
        tick_ms: ms(settings.scheduler.tick_ms),
        fire_batch_max: settings.scheduler.fire_batch_max,
        probe_wait_min_ms: ms(settings.scheduler.probe_wait_min_ms),
        probe_wait_max_ms: ms(settings.scheduler.probe_wait_max_ms),
        window_default: settings.deliverer.lane_concurrency,
        rewrite_max_ms: ms(settings.deliverer.horizon_ms),
        staleness_max_ms: ms(settings.scheduler.staleness_max_ms),
        payload_bytes_max: settings.redis.payload_bytes_max / partitions,
        high_water_percent: settings.redis.high_water_percent,
        age_max_ms: ms(settings.topics.delete_retention_ms / 2),
        ..Config::default()
    }
}
