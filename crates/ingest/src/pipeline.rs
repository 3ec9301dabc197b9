//! Ingest from top to bottom: connect, listen, read the sources; at the stop in reverse.
//!
//! source p → decide → `events` or `rejected` → commit; `POST /v1/events` → decide → `events` → 202; `/v1/rejected` → decide again →
//! `events`.

use crate::{
    http::{self, Publishing},
    options::Options,
    partition::{self, Shared},
    rejected::Rejections,
    sources::Source,
    warnings::Warnings,
};
use aerogram_kafka::{Cluster, GroupConfig, run_group};
use aerogram_settings::Settings;
use aerogram_telemetry::{Condition, Health};
use anyhow::Context as _;
use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Time between log lines about sources that give nothing.
const REMIND_EVERY: Duration = Duration::from_secs(30);

/// Runs until `shutdown`; what was taken by then is written and committed before it returns.
///
/// # Errors
/// The role cannot start, or a partition stopped for good.
pub async fn run(settings: Settings, health: Health, shutdown: CancellationToken) -> anyhow::Result<()> {
    let options = Options::from_settings(&settings, &health).await?;
    let connected = health.condition("kafka connected");
    let listening = health.condition("http listening");
    let assigned = (!options.sources.is_empty()).then(|| health.condition("partitions assigned"));

    connected.set(false, "waiting for the brokers and the topics");
    let cluster = match Cluster::connect(&settings, &shutdown).await {
        Err(_) if shutdown.is_cancelled() => return Ok(()),
        connected => connected?,
    };
    connected.set(true, "connected");

    let warnings = Arc::new(Warnings::default());
    let writer = cluster.expiring_writer()?;
    let rejections = Rejections::new(&options.http, cluster.clone(), writer.clone());
    let publishing = Publishing {
        options: options.http,
        cluster: cluster.clone(),
        writer,
        warnings: Arc::clone(&warnings),
        leaving: shutdown.clone(),
    };
    let server = http::Server::bind(publishing, rejections).await?;
    listening.set(true, format!("on {}", server.address()));
    // Until the partitions are drained requests are answered, if only with "come back later".
    let closing = CancellationToken::new();
    let serving = tokio::spawn(server.serve(closing.clone()));

    let shared = Arc::new(Shared {
        writer: cluster.writer()?,
        warnings,
        in_flight: Arc::new(Semaphore::new(options.in_flight_max.min(Semaphore::MAX_PERMITS))),
        drain: options.drain,
        health,
        cluster,
    });
    let group = GroupConfig {
        group: options.group,
        topics: options.sources.iter().map(|source| source.topic.clone()).collect(),
        external: true,
        drain: options.drain,
        assigned: assigned.clone(),
    };
    let read = read_sources(&shared, group, options.sources, assigned, shutdown).await;

    closing.cancel();
    match tokio::time::timeout(options.drain, serving).await {
        Ok(served) => served.context("the HTTP server failed")?,
        Err(_) => {
            tracing::warn!(
                "requests were still open at the end of the drain; their clients will repeat them"
            );
        }
    }
    shared.writer.flush(options.drain).await;
    read
}

/// Reads the upstream topics until `shutdown`; without any it just waits.
async fn read_sources(
    shared: &Arc<Shared>,
    group: GroupConfig,
    sources: Vec<Arc<Source>>,
    assigned: Option<Condition>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(assigned) = assigned else {
        tracing::info!("no ingest.sources are configured: events come over HTTP only");
        shutdown.cancelled().await;
        return Ok(());
    };
    let topics = group.topics.join(", ");
    let sources: HashMap<String, Arc<Source>> =
        sources.into_iter().map(|source| (source.topic.clone(), source)).collect();
    let each = Arc::clone(shared);
    let running = run_group(&shared.cluster, group, shutdown, move |assignment| {
        let (shared, source) = (Arc::clone(&each), sources.get(&assignment.topic).cloned());
        tokio::spawn(async move {
            match source {
                Some(source) => partition::run(shared, source, assignment).await,
                None => partition::foreign(&assignment),
            }
        })
    });
    tokio::select! {
        ended = running => Ok(ended?),
        never = remind(&assigned, &topics) => match never {},
    }
}

/// Says from time to time that nothing is read yet.
async fn remind(assigned: &Condition, topics: &str) -> Infallible {
    loop {
        tokio::time::sleep(REMIND_EVERY).await;
        if !assigned.holds() {
            tracing::warn!(
                "no partition of {topics} was assigned yet: create the topic if it does not exist"
            );
        }
    }
}
