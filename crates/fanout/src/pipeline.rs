//! Fanout from top to bottom: connect, fold the table, then own each partition that the group assigns.
//!
//! `events` p → receipts of former owners → batch → duplicates → match → `deliveries` → `matches` p → commit.

use crate::{
    dedupe::Duplicates,
    options::Options,
    partition::{self, Shared},
    publish::Publisher,
    table::{Fold, SharedTable},
};
use aerogram_kafka::{Cluster, GroupConfig, run_group};
use aerogram_settings::Settings;
use aerogram_telemetry::Health;
use aerogram_wire::Topic;
use anyhow::Context as _;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Runs until `shutdown`; batches that were begun are finished and committed before it returns.
///
/// # Errors
/// The role cannot start, the table cannot be trusted any more, or a partition stopped for good.
pub async fn run(settings: Settings, health: Health, shutdown: CancellationToken) -> anyhow::Result<()> {
    let options = Options::from_settings(&settings);
    let connected = health.condition("kafka connected");
    let folded = health.condition("subscriptions folded");
    let assigned = health.condition("partitions assigned");
    let duplicates = Duplicates::open(&options.dedupe)?;

    connected.set(false, "waiting for the brokers and the topics");
    let cluster = match Cluster::connect(&settings, &shutdown).await {
        Err(_) if shutdown.is_cancelled() => return Ok(()),
        connected => connected?,
    };
    connected.set(true, "connected");

    let companions = cluster.companions()?;
    let table = SharedTable::new(cluster.layout().partitions);
    let mut fold = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        fold = Fold::start(&companions, &table, cluster.layout().partitions, &folded) => {
            fold.context("subscriptions cannot be folded")?
        }
    };

    let writer = cluster.writer()?;
    let layout_id = cluster.layout().layout_id.as_str().into();
    let shared = Arc::new(Shared {
        publisher: Publisher { writer: writer.clone(), table, duplicates, layout_id },
        companions,
        ends: cluster.ends()?,
        layout: cluster.layout().clone(),
        batch_max: options.batch_max,
        batches_in_flight_max: options.batches_in_flight_max,
        commit_interval: options.commit_interval,
        drain: options.drain,
        health: health.clone(),
    });
    let group = GroupConfig {
        group: options.group,
        topics: vec![cluster.topic(Topic::Events)],
        external: false,
        drain: options.drain,
        assigned: Some(assigned),
    };
    // Without the table nothing may be matched, so its end is the end of the role.
    let stop = shutdown.child_token();
    let running = run_group(&cluster, group, stop.clone(), move |assignment| {
        tokio::spawn(partition::run(Arc::clone(&shared), assignment))
    });
    tokio::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended.map_err(anyhow::Error::from),
        error = fold.failed() => {
            folded.set(false, error.to_string());
            stop.cancel();
            let drained = running.await;
            drained.map_err(anyhow::Error::from).and(Err(error.into()))
        }
    };
    writer.flush(options.drain).await;
    ended
}
