//! `aerogram run`: all roles in one process, for one machine.
//!
//! data directory (locked) → embedded broker, unless another is named → topics → all roles → at the stop in reverse.

mod broker;
mod data_dir;
mod defaults;
mod greeting;
mod roles;
mod secrets;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use aerogram_kafka::topics;
use aerogram_settings::{EmbeddedSettings, Role, Settings, Start};
use aerogram_telemetry::{Condition, Health, Shutdown, run_settings};
use anyhow::Context as _;

use crate::options::RunArgs;
use crate::{WRONG_CONFIGURATION, complain, say};
use broker::Broker;
use data_dir::DataDir;
use roles::Roles;

/// Partitions of an upstream topic that is made here.
const UPSTREAM_PARTITIONS: i32 = 3;

/// Runs the command; 0 after a stop.
pub fn run(args: &RunArgs) -> ExitCode {
    let (defaults, args) = (defaults::of(args), args.role_args());
    match args.start_above(&defaults) {
        Ok(Start::Run(settings)) => run_settings(Role::All, *settings, all),
        Ok(Start::Print(text)) => say(text.trim_end()),
        Err(errors) => complain(WRONG_CONFIGURATION, &errors),
    }
}

async fn all(mut settings: Settings, health: Health, shutdown: Shutdown) -> anyhow::Result<()> {
    let began = Instant::now();
    // Registered before anything holds: what is not known yet must not pass for ready.
    let created = health.condition("topics");
    created.set(false, "to be made and checked");
    let dir = DataDir::lock(&settings.embedded.data_dir)?;
    let tokens = secrets::complete(&mut settings, &dir)?;
    let embedded = settings.kafka.brokers == EmbeddedSettings::BROKERS;
    let broker = if embedded { Some(start_broker(&mut settings, &dir, &health).await?) } else { None };

    let serving = serve(&settings, &health, &created, &shutdown, (began, embedded, tokens.as_deref()));
    let ended = match &broker {
        None => serving.await,
        Some(broker) => tokio::select! {
            ended = serving => ended,
            failed = broker.failed() => Err(failed.into()),
        },
    };
    // Only now: until here the roles drain, and they write while they do.
    if let Some(broker) = broker {
        broker.stop().await;
    }
    drop(dir);
    ended
}

async fn start_broker(settings: &mut Settings, dir: &DataDir, health: &Health) -> anyhow::Result<Broker> {
    let broker = Broker::start(&settings.embedded, dir, health.condition("embedded broker")).await?;
    settings.kafka.brokers = broker.address().to_string();
    if settings.ingest.sources.is_empty() {
        settings.ingest.sources = defaults::sources(&settings.embedded.upstream_topics);
        topics::create_upstream(settings, &settings.embedded.upstream_topics, UPSTREAM_PARTITIONS)
            .await
            .context("the upstream topics cannot be made")?;
    }
    Ok(broker)
}

async fn serve(
    settings: &Settings,
    health: &Health,
    created: &Condition,
    shutdown: &Shutdown,
    (began, embedded, tokens): (Instant, bool, Option<&Path>),
) -> anyhow::Result<()> {
    let made = tokio::select! {
        made = topics::create(settings) => made,
        () = shutdown.wait() => return Ok(()),
    };
    let report = made.context("the internal topics cannot be made")?;
    anyhow::ensure!(report.is_good(), "the internal topics are not as they should be:\n{report}");
    greeting::say_what_listens(settings, embedded, tokens);
    let roles = Roles::start(settings, health, shutdown);
    created.set(true, "as they should be");
    let ready = tokio::spawn(greeting::say_when_ready(health.clone(), began));
    let ended = roles.ended().await;
    ready.abort();
    ended
}
