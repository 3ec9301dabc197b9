//! Redis forgets while retries wait: they stand in the log, and all still arrive.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::{events, structured};
use crate::rest::{ACME, ACME_2, ACME_3};
use crate::setup::Setup;
use aerogram_testkit::Behaviour;
use aerogram_testkit::services::Service;
use aerogram_testkit::verify::verify_all;
use anyhow::Result;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const KIND: &str = "FLIGHT_PERMIT_ASSIGNMENT";
const EVENTS: usize = 100;
const WAITS: [Duration; 3] = [Duration::from_secs(4), Duration::from_secs(4), Duration::from_secs(5)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_survive_a_wiped_redis() -> Result<()> {
    let mut setup = Setup::new("redis-wiped").await?;
    // Every receiver fails on purpose, each delivery on its own schedule.
    setup.set("DELIVERER__LANE_FAILURES_MAX", "1000000");
    // Its own, because FLUSHALL and a restart would hit every test of the run.
    let redis = Arc::new(Service::redis(setup.rig.dir())?);
    redis.up()?;
    setup.set("REDIS__URL", format!("redis://{}", redis.address()));
    let waits_ms: Vec<u128> = WAITS.iter().map(Duration::as_millis).collect();
    setup.policies(
        &json!({"waiting": {"delays_ms": waits_ms.iter().map(|ms| *ms as u64).collect::<Vec<_>>()}}),
    );
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    receiver.behave_otherwise(Behaviour::fail_first(3, 503));
    let mut subscriptions = Vec::new();
    for (owner, path) in [(ACME, "/one"), (ACME_2, "/two"), (ACME_3, "/three")] {
        subscriptions.push(cluster.subscribe(owner, KIND, path, &json!({"policy": "waiting"})).await?);
    }
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, EVENTS))).await?;
    let attempts = async |number: usize| -> Result<()> {
        for subscription in &subscriptions {
            receiver.wait_for_count(&subscription.path, number * EVENTS, PATIENCE).await?;
        }
        // Then all of them wait in Redis.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    };

    attempts(1).await?;
    flush_all(&redis).await?;
    attempts(2).await?;
    // It is gone for a while, and comes back empty.
    redis.down()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let starting = redis.clone();
    tokio::task::spawn_blocking(move || starting.up()).await??;
    attempts(3).await?;
    // In the middle of firing: some are on their way, some are not.
    tokio::time::sleep(WAITS[2] - Duration::from_millis(1100)).await;
    for _ in 0..5 {
        flush_all(&redis).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    attempts(4).await?;
    receiver.wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;

    for subscription in &subscriptions {
        let by_id = receiver.by_webhook_id(&subscription.path);
        assert_eq!(by_id.len(), EVENTS);
        for requests in by_id.values() {
            let gaps: Vec<Duration> =
                requests.windows(2).map(|pair| pair[1].arrived - pair[0].arrived).collect();
            assert_eq!(gaps.len(), WAITS.len(), "attempts of {:?}", requests[0].webhook_id());
            assert!(gaps.iter().zip(WAITS).all(|(gap, wait)| *gap >= wait), "early: {gaps:?}");
            verify_all(&subscription.key, requests)?;
        }
    }
    Ok(())
}

async fn flush_all(redis: &Service) -> Result<()> {
    let client = redis::Client::open(format!("redis://{}", redis.address()))?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    Ok(redis::cmd("FLUSHALL").query_async(&mut connection).await?)
}
