//! Redis forgets, goes back in time, and dies while much waits: it stands in the log, so nothing is lost, nothing comes
//! early and nothing comes twice.

use crate::cluster::{Cluster, PATIENCE};
use crate::ledger::{all_succeed, once_each, parked_once_each, wait_parked};
use crate::publish::{events, structured};
use crate::rest::{ACME, ACME_2, ACME_3, Subscription};
use crate::scale::{patience, percent, scaled};
use crate::setup::{PARTITIONS, Setup};
use aerogram_testkit::services::{Service, Snapshot};
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Behaviour, Receiver};
use anyhow::{Result, ensure};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const KIND: &str = "FLIGHT_PERMIT_ASSIGNMENT";
const OTHER_KIND: &str = "FLIGHT_PERMIT_UNASSIGNMENT";
/// Three whose retries wait, and one whose deliveries are parked.
const RECEIVERS: usize = 4;
const RETRIES: usize = 3;
/// Requests that a slow receiver has open, and those that wait for them in its lane.
const NOT_PARKED_MAX: usize = 2 * 64;
const SLOW: &str = "/slow";

/// What becomes of Redis while the retries wait: long enough that all of them do.
fn wait() -> Duration {
    Duration::from_millis(4_000 + 260 * percent() as u64)
}

fn outage() -> Duration {
    Duration::from_millis(300 * percent() as u64)
}

struct Test {
    cluster: Cluster,
    redis: Arc<Service>,
    retried: Vec<Subscription>,
    events: usize,
}

impl Test {
    async fn start() -> Result<Self> {
        let mut setup = Setup::new("redis-wiped").await?;
        // Every receiver fails on purpose, each delivery on its own schedule.
        setup.set("DELIVERER__LANE_FAILURES_MAX", "1000000");
        setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "40000");
        // Short for the slow one, and long for what is due at once of those that fail on purpose: parked, they would only be probed.
        setup.set("DELIVERER__LANE_WAIT_MAX_MS", "10000");
        // Its own, because what happens to it would hit every test of the run.
        let redis = Arc::new(Service::redis(setup.rig.dir())?);
        up(&redis).await?;
        setup.set("REDIS__URL", redis.redis_url());
        let delays_ms = vec![u64::try_from(wait().as_millis())?; RETRIES];
        setup.policies(&json!({"waiting": {"delays_ms": delays_ms}}));
        let cluster = Cluster::start(setup).await?;
        let failing = Behaviour::fail_first(u32::try_from(RETRIES)?, 503);
        cluster.receiver.behave_otherwise(failing);
        cluster.receiver.behave(SLOW, Behaviour::slow(Duration::from_secs(15)));
        let mut retried = Vec::new();
        for (owner, path) in [(ACME, "/one"), (ACME_2, "/two"), (ACME_3, "/three")] {
            retried.push(cluster.subscribe(owner, KIND, path, &json!({"policy": "waiting"})).await?);
        }
        // Parked is only what could be in somebody's way, so somebody else has a subscription in its partition.
        let slow = cluster.subscribe(ACME, KIND, SLOW, &json!({"policy": "waiting"})).await?;
        let partition = slow.partition(PARTITIONS);
        let idle = async || cluster.subscribe(ACME_2, OTHER_KIND, "/idle", &json!({})).await;
        while idle().await?.partition(PARTITIONS) != partition {}
        Ok(Self { cluster, redis, retried, events: scaled(10_000) / RECEIVERS })
    }

    fn receiver(&self) -> &Receiver {
        &self.cluster.receiver
    }

    /// Not all at once: where so many wait in their lanes that they are parked, receivers that fail on purpose are only
    /// probed, as dead ones are.
    async fn publish(&self) -> Result<()> {
        const AT_ONCE: usize = 250;
        let flights = self.cluster.setup.flights();
        let mut published = 0;
        for some in structured(&events("e", KIND, self.events)).chunks(AT_ONCE) {
            self.cluster.upstream.send_all(&flights, some).await?;
            published += some.len();
            for subscription in &self.retried {
                self.receiver().wait_for_count(&subscription.path, published, patience(self.events)).await?;
            }
        }
        Ok(())
    }

    /// Each retried delivery has had so many attempts; then all of them wait.
    async fn attempts(&self, number: usize) -> Result<()> {
        for subscription in &self.retried {
            let within = patience(number * self.events * RECEIVERS);
            self.receiver().wait_for_count(&subscription.path, number * self.events, within).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_survives_a_redis_that_is_wiped_set_back_and_killed() -> Result<()> {
    let test = Test::start().await?;
    test.publish().await?;
    test.attempts(1).await?;
    wait_parked(&test.cluster.setup, test.events.saturating_sub(NOT_PARKED_MAX), patience(test.events))
        .await?;
    let old = Snapshot::take(&test.redis).await?;
    ensure!(!old.is_empty(), "nothing waits in Redis");
    test.redis.save().await?;
    test.redis.flush_all().await?;

    // What it goes back to is due since long ago, and was fired.
    test.attempts(2).await?;
    print_begun_anew(&test.cluster, "FLUSHALL")?;
    old.restore(&test.redis).await?;

    // It dies, stays away, and comes back as it was long ago.
    test.attempts(3).await?;
    print_begun_anew(&test.cluster, "the restored snapshot")?;
    test.redis.kill9()?;
    tokio::time::sleep(outage()).await;
    up(&test.redis).await?;
    ensure!(test.redis.keys().await? > 0, "it came back empty instead of as it was saved");
    // In the middle of firing: some are on their way, some are not.
    let (least, within) = (3 * test.events + test.events / 10, patience(test.events));
    test.receiver().wait_for_count(&test.retried[0].path, least, within).await?;
    for _ in 0..5 {
        test.redis.flush_all().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    test.receiver().behave(SLOW, Behaviour::ok());
    test.attempts(4).await?;
    print_begun_anew(&test.cluster, "the kill, and FLUSHALL while it fires")?;
    for subscription in &test.retried {
        all_succeed(test.receiver(), &subscription.path, test.events, patience(test.events)).await?;
    }
    all_succeed(test.receiver(), SLOW, test.events, patience(test.events)).await?;
    test.receiver().wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;
    print_begun_anew(&test.cluster, "all arrived")?;

    let slow = test.receiver().requests_on(SLOW).len();
    assert_eq!(slow, test.events, "requests of the parked; none failed, so none is to be repeated");
    parked_once_each(&test.cluster.setup).await?;
    test.retried.iter().try_for_each(|subscription| on_schedule(&test, subscription))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_parked_before_the_deliverer_s_memory_begins_comes_once_after_a_wiped_redis() -> Result<()> {
    const HORIZON: Duration = Duration::from_secs(8);
    let (count, dead) = (scaled(10_000), "/dead");
    let mut setup = Setup::new("older-than-memory").await?;
    setup.set("TOPICS__PARTITIONS", "1");
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "500");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "2000");
    // Together shorter than the horizon, as they must be.
    setup.set("SCHEDULER__STALENESS_MAX_MS", "3500");
    setup.set("KAFKA__WRITE_EXPIRY_MS", "4000");
    setup.set("DELIVERER__HORIZON_MS", HORIZON.as_millis().to_string());
    setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 100]}}));
    let redis = Arc::new(Service::redis(setup.rig.dir())?);
    up(&redis).await?;
    setup.set("REDIS__URL", redis.redis_url());
    let cluster = Cluster::start(setup).await?;
    cluster.receiver.behave(dead, Behaviour::status(503));
    cluster.subscribe(ACME, KIND, dead, &json!({"policy": "patient"})).await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, count))).await?;
    wait_parked(&cluster.setup, count.saturating_sub(NOT_PARKED_MAX), patience(count)).await?;
    // A condition of time, not of progress: only then the memory does not reach back to when it was parked.
    tokio::time::sleep(2 * HORIZON).await;
    print_begun_anew(&cluster, "a dead receiver was probed for two horizons")?;
    redis.flush_all().await?;
    tokio::time::sleep(HORIZON).await;
    print_begun_anew(&cluster, "FLUSHALL, and a horizon of probes")?;
    cluster.receiver.behave(dead, Behaviour::ok());
    all_succeed(&cluster.receiver, dead, count, patience(count)).await?;
    print_begun_anew(&cluster, "all arrived")?;
    cluster.receiver.wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;
    once_each(&cluster.receiver, dead, count)?;
    parked_once_each(&cluster.setup).await
}

/// As many attempts as the policy says, none of them early, and signed.
fn on_schedule(test: &Test, subscription: &Subscription) -> Result<()> {
    let by_id = test.receiver().by_webhook_id(&subscription.path);
    ensure!(by_id.len() == test.events, "{} deliveries to {}", by_id.len(), subscription.path);
    for (id, requests) in by_id {
        let gaps: Vec<Duration> = requests.windows(2).map(|pair| pair[1].arrived - pair[0].arrived).collect();
        ensure!(gaps.len() == RETRIES, "{} attempts of {id}", requests.len());
        ensure!(gaps.iter().all(|gap| *gap >= wait()), "early: {gaps:?}");
        verify_all(&subscription.key, &requests)?;
    }
    Ok(())
}

/// How often an ownership of the deliverer began again so far: for people to read, it is no promise.
fn print_begun_anew(cluster: &Cluster, after: &str) -> Result<()> {
    let deliverer = cluster.log("deliverer-1")?.matches("the ownership starts again").count();
    println!("after {after}: {deliverer} ownerships began again");
    Ok(())
}

async fn up(redis: &Arc<Service>) -> Result<()> {
    let starting = redis.clone();
    tokio::task::spawn_blocking(move || starting.up()).await?
}
