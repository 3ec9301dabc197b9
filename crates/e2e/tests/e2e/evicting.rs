//! A Redis that is told to evict while it is used: nothing is fired until it is told otherwise.

use crate::cluster::PATIENCE;
use crate::setup::Setup;
use aerogram_testkit::Process;
use aerogram_testkit::services::Service;
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn says(process: &Process, status: u16, text: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let said = process.readyz().await?;
        if said.0 == status && said.1.contains(text) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "/readyz is not {status} with {text:?}: {said:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_made_to_evict_stops_the_firing_until_that_is_mended() -> Result<()> {
    let mut setup = Setup::new("made-to-evict").await?;
    let redis = Arc::new(Service::redis(setup.rig.dir())?);
    let starting = redis.clone();
    tokio::task::spawn_blocking(move || starting.up()).await??;
    setup.set("REDIS__URL", format!("redis://{}", redis.address()));
    setup.create_topics().await?;
    let mut scheduler = setup.role("aerogram-scheduler").spawn()?;
    scheduler.wait_ready(PATIENCE).await?;
    let client = redis::Client::open(format!("redis://{}", redis.address()))?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    for (policy, status, text) in [
        ("allkeys-lru", 503, "nothing fires"),
        ("noeviction", 200, "owned, caught up"),
        ("volatile-ttl", 503, "noeviction"),
    ] {
        let mut told = redis::cmd("CONFIG");
        told.arg("SET").arg("maxmemory-policy").arg(policy);
        told.exec_async(&mut connection).await?;
        says(&scheduler, status, text).await?;
    }
    Ok(())
}
