//! What is wrong around a role is said in words that help, and it waits or ends as fits.

use crate::cluster::PATIENCE;
use crate::setup::Setup;
use aerogram_testkit::Process;
use aerogram_testkit::services::Service;
use anyhow::{Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROLES: [&str; 5] =
    ["aerogram-ingest", "aerogram-fanout", "aerogram-deliverer", "aerogram-scheduler", "aerogram-api"];

async fn up(service: &Arc<Service>) -> Result<()> {
    let service = service.clone();
    tokio::task::spawn_blocking(move || service.up()).await?
}

async fn down(service: &Arc<Service>) -> Result<()> {
    let service = service.clone();
    tokio::task::spawn_blocking(move || service.down()).await?
}

/// It ends by itself with status 1, and its log has all of `texts`.
async fn ends_saying(mut process: Process, texts: &[&str]) -> Result<()> {
    let status = process.wait_exit(PATIENCE).await?;
    let log = process.log()?;
    ensure!(status.code() == Some(1), "{} ended with {status}:\n{log}", process.name());
    for text in texts {
        ensure!(log.contains(text), "{} does not say {text:?}:\n{log}", process.name());
    }
    Ok(())
}

/// Until `/readyz` says this text, which it must do without being ready.
async fn not_ready_saying(process: &mut Process, text: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = process.readyz().await;
        if let Ok((status, said)) = &answer {
            ensure!(*status == 503, "{} is ready: {said}", process.name());
            if said.to_lowercase().contains(text) {
                return Ok(());
            }
        }
        let ended = process.exited()?;
        ensure!(ended.is_none(), "{} ended with {ended:?}:\n{}", process.name(), process.log()?);
        ensure!(Instant::now() < until, "{} does not say {text:?}: {answer:?}", process.name());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_down_at_the_start_is_waited_for() -> Result<()> {
    let mut setup = Setup::new("kafka-down").await?;
    let kafka = Arc::new(Service::kafka(setup.rig.dir())?);
    setup.set("KAFKA__BROKERS", kafka.address());
    setup.set("INGEST__SOURCES", "[]");
    up(&kafka).await?;
    setup.create_own_topics().await?;
    down(&kafka).await?;

    let mut processes =
        ROLES.map(|role| setup.role(role)).iter().map(|r| r.spawn()).collect::<Result<Vec<_>>>()?;
    for process in &mut processes {
        not_ready_saying(process, "kafka").await?;
    }
    // Whoever is told to stop while it waits stops, and that is no failure.
    for role in ROLES {
        let mut leaving = setup.role(role).named(&format!("leaving-{role}")).spawn()?;
        not_ready_saying(&mut leaving, "kafka").await?;
        let status = leaving.terminate(PATIENCE).await?;
        ensure!(status.success(), "{role} ended with {status} after SIGTERM");
    }
    // Whoever is told not to wait long ends, and says whom it waited for.
    let impatient =
        setup.role("aerogram-fanout").named("impatient").env("AEROGRAM_KAFKA__STARTUP_TIMEOUT_MS", "1500");
    ends_saying(impatient.spawn()?, &[&kafka.address(), "kafka.brokers"]).await?;
    up(&kafka).await?;
    for process in &mut processes {
        process.wait_ready(PATIENCE).await?;
    }
    // And a ready one outlives an outage, also one in which it loses its partitions.
    down(&kafka).await?;
    tokio::time::sleep(Duration::from_secs(8)).await;
    up(&kafka).await?;
    for process in &mut processes {
        process.wait_ready(PATIENCE).await?;
    }
    drop(processes);
    down(&kafka).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_named_with_the_command_that_makes_them() -> Result<()> {
    let setup = Setup::new("no-topics").await?;
    for role in ROLES {
        ends_saying(setup.role(role).spawn()?, &["aerogram topics create", setup.rig.prefix()]).await?;
    }
    let checked = setup.role("aerogram").arg("topics").arg("check").run(PATIENCE).await?;
    ensure!(!checked.status.success(), "aerogram topics check finds nothing: {checked:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_partition_count_than_the_pinned_one_stops_a_role() -> Result<()> {
    let mut setup = Setup::new("other-count").await?;
    setup.set("TOPICS__PARTITIONS", "3");
    setup.create_topics().await?;
    let check = setup.role("aerogram").arg("topics").arg("check");
    let checked = check.run(PATIENCE).await?;
    ensure!(checked.status.success(), "aerogram topics check: {checked:?}");
    let topic = setup.rig.topic("deliveries");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", setup.rig.brokers()).create()?;
    let grown = admin.create_partitions(&[NewPartitions::new(&topic, 5)], &AdminOptions::new()).await?;
    for result in grown {
        result.map_err(|(name, code)| anyhow!("{name}: {code}"))?;
    }
    let checked = check.run(PATIENCE).await?;
    ensure!(!checked.status.success(), "aerogram topics check finds nothing: {checked:?}");
    for role in ROLES {
        ends_saying(setup.role(role).spawn()?, &[&topic, "3", "5"]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_evict_is_refused() -> Result<()> {
    let mut setup = Setup::new("evicting").await?;
    let redis = Arc::new(Service::redis(setup.rig.dir())?.with_policy("allkeys-lru"));
    up(&redis).await?;
    setup.set("REDIS__URL", format!("redis://{}", redis.address()));
    setup.create_topics().await?;
    ends_saying(setup.role("aerogram-scheduler").spawn()?, &["noeviction", "allkeys-lru"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_down_at_the_start_is_waited_for() -> Result<()> {
    let mut setup = Setup::new("redis-down").await?;
    let redis = Arc::new(Service::redis(setup.rig.dir())?);
    setup.set("REDIS__URL", format!("redis://{}", redis.address()));
    setup.create_topics().await?;
    let mut scheduler = setup.role("aerogram-scheduler").spawn()?;
    not_ready_saying(&mut scheduler, "redis").await?;
    up(&redis).await?;
    scheduler.wait_ready(PATIENCE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_mistakes_of_the_configuration_are_told_at_once() -> Result<()> {
    let setup = Setup::new("misconfigured").await?;
    let mistakes = [
        ("AEROGRAM_KAFKA__SESSION_TIMEOUT_MS", "soon", "kafka.session_timeout_ms"),
        ("AEROGRAM_TOPICS__PARTITIONS", "0", "topics.partitions"),
        ("AEROGRAM_DELIVERER__ALLOW_CIDRS", "10.0.0.0/99", "deliverer.allow_cidrs"),
        ("AEROGRAM_FANOUT__NO_SUCH_THING", "1", "fanout.no_such_thing"),
        ("AEROGRAM_SEAL__CURRENT", "k9", "seal.current"),
    ];
    for role in ROLES {
        let envs = mistakes.map(|(name, value, _)| (name, value));
        let finished = setup.role(role).envs(envs).run(PATIENCE).await?;
        ensure!(finished.status.code() == Some(2), "{role}: {finished:?}");
        for (_, _, key) in mistakes {
            ensure!(finished.stderr.contains(key), "{role} does not name {key}: {}", finished.stderr);
        }
        let help = setup.role(role).arg("--help").run(PATIENCE).await?;
        ensure!(help.status.success() && help.stdout.contains("--config"), "{role} --help: {help:?}");
    }
    Ok(())
}
