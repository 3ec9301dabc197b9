//! `aerogram run`: all roles in one process, for one machine.
//!
//! data directory (locked) → embedded broker, unless another is named → topics → all roles → at the stop in reverse.

mod broker;
mod data_dir;
mod defaults;
mod greeting;
mod listeners;
mod roles;
mod secrets;

use std::process::ExitCode;
use std::time::Instant;

use aerogram_kafka::topics;
use aerogram_settings::{EmbeddedSettings, Role, Settings, SettingsErrors, Start};
use aerogram_telemetry::{Condition, Health, Shutdown, run_settings};
use anyhow::Context as _;

use crate::options::RunArgs;
use crate::{FAILED, WRONG_CONFIGURATION, complain, say};
use broker::Broker;
use data_dir::DataDir;
use greeting::Greeting;
use roles::Roles;

/// Partitions of an upstream topic that is made here.
const UPSTREAM_PARTITIONS: i32 = 3;

/// Runs the command; 0 after a stop.
pub fn run(args: &RunArgs) -> ExitCode {
    match start(args) {
        Ok(Start::Run(settings)) => run_in(*settings),
        Ok(Start::Print(text)) => say(text.trim_end()),
        Err(errors) => complain(WRONG_CONFIGURATION, &errors),
    }
}

/// Some defaults hold for the embedded broker only, and which Kafka is meant is known once all layers are read.
fn start(args: &RunArgs) -> Result<Start, SettingsErrors> {
    let role_args = args.role_args();
    let defaults = |embedded| defaults::of(args, embedded);
    if role_args.print_settings {
        return Ok(Start::Print(defaults::list_text(&defaults(true))));
    }
    match Settings::load_above(&defaults(true), &role_args, std::env::vars_os()) {
        Ok(settings) if !is_embedded(&settings) => role_args.start_above(&defaults(false)),
        _ => role_args.start_above(&defaults(true)),
    }
}

fn is_embedded(settings: &Settings) -> bool {
    settings.kafka.brokers == EmbeddedSettings::BROKERS
}

/// Takes the data directory before anything else: that it is in use is the first thing to say.
fn run_in(settings: Settings) -> ExitCode {
    match DataDir::lock(&settings.embedded.data_dir) {
        Ok(dir) => run_settings(Role::All, settings, |settings, health, shutdown| {
            all(settings, health, shutdown, dir)
        }),
        Err(error) => complain(FAILED, &error),
    }
}

async fn all(mut settings: Settings, health: Health, shutdown: Shutdown, dir: DataDir) -> anyhow::Result<()> {
    let began = Instant::now();
    // Registered before anything holds: what is not known yet must not pass for ready.
    let created = health.condition("topics");
    created.set(false, "to be made and checked");
    let embedded = is_embedded(&settings);
    let tokens = secrets::complete(&mut settings, &dir, embedded)?;
    defaults::complete(&mut settings, &dir);
    listeners::check(&settings)?;
    let broker = if embedded {
        let starting = start_broker(&mut settings, &dir, &health);
        tokio::select! {
            started = starting => Some(started?),
            () = shutdown.wait() => return Ok(()),
        }
    } else {
        None
    };

    let greeting = Greeting { began, embedded, tokens };
    let serving = serve(&settings, &health, &created, &shutdown, &greeting);
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
    greeting: &Greeting,
) -> anyhow::Result<()> {
    let made = tokio::select! {
        made = topics::create(settings) => made,
        () = shutdown.wait() => return Ok(()),
    };
    let report = made.context("the internal topics cannot be made")?;
    anyhow::ensure!(report.is_good(), "the internal topics are not as they should be:\n{report}");
    greeting::say_what_listens(settings, greeting);
    let roles = Roles::start(settings, health, shutdown);
    created.set(true, "as they should be");
    let ready = tokio::spawn(greeting::say_when_ready(health.clone(), greeting.began));
    let ended = roles.ended().await;
    ready.abort();
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Command, Options};
    use aerogram_settings::Store;
    use clap::Parser as _;

    fn settings(flags: &[&str]) -> Settings {
        let line = ["aerogram", "run"].into_iter().chain(flags.iter().copied());
        let Command::Run(args) = Options::try_parse_from(line).unwrap().command else { panic!("no run") };
        match start(&args) {
            Ok(Start::Run(settings)) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_kafka_of_ones_own_has_the_usual_layout_and_the_embedded_one_a_small_one() {
        let embedded = settings(&[]);
        assert_eq!((embedded.topics.partitions, embedded.scheduler.store), (6, Store::Memory));
        assert!(is_embedded(&embedded));
        let own = settings(&["--kafka", "127.0.0.1:9", "--redis", "redis://127.0.0.1:9"]);
        assert_eq!((own.topics.partitions, own.scheduler.store), (12, Store::Redis));
        assert!(!is_embedded(&own));
        assert_eq!(settings(&["--set", "topics.partitions=3"]).topics.partitions, 3);
    }
}
