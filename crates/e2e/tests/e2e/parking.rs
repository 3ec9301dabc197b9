//! What a dead receiver misses is parked once each, and flows back to it by credits when it is well again.

use crate::cluster::{Cluster, QUIET};
use crate::ledger::{all_succeed, metric, most_open, parked_once_each, wait_parked};
use crate::publish::{events, structured};
use crate::rest::{ACME, Subscription};
use crate::scale::{patience, scaled};
use crate::setup::Setup;
use aerogram_testkit::{Behaviour, Request};
use anyhow::{Result, ensure};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CANCEL";
const PATH: &str = "/dead";
/// Requests that may be open at the receiver.
const LIMIT: usize = 16;
/// What the deliverer may hold: far less than what waits. One delivery of each partition may be beyond it.
const HELD_BYTES_MAX: usize = 1 << 20;
const DELIVERY_BYTES_MAX: usize = 2_000;
/// Failures that shut the lane, and as many as may be open when it is shut.
const TRIED_MAX: usize = 8 + LIMIT;

/// Everybody shares the one partition there is.
async fn start(test: &str) -> Result<Cluster> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 60], "jitter_percent": 0}}));
    setup.set("TOPICS__PARTITIONS", "1");
    setup.set("DELIVERER__ITEM_BYTES_MAX", HELD_BYTES_MAX.to_string());
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "200");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "1000");
    Cluster::start(setup).await
}

async fn subscribe(cluster: &Cluster) -> Result<Subscription> {
    let extra = json!({"policy": "patient", "limits": {"concurrency": LIMIT}});
    cluster.subscribe(ACME, KIND, PATH, &extra).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_dead_receiver_is_parked_once_and_flows_back_by_credits() -> Result<()> {
    let count = scaled(100_000);
    let mut cluster = start("credits").await?;
    cluster.receiver.behave(PATH, Behaviour::status(503));
    subscribe(&cluster).await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, count))).await?;
    let parked = wait_parked(&cluster.setup, count - TRIED_MAX, patience(count)).await?;
    let most_bytes = held_within_the_cap(&mut cluster).await?;
    let deliverer = cluster.process("deliverer-1")?.peak_memory_bytes()?;
    let scheduler = cluster.process("scheduler")?.peak_memory_bytes()?;
    println!(
        "{parked} of {count} parked; the deliverer held {most_bytes} B of them at a time, and had {} MiB, the scheduler {}",
        deliverer >> 20,
        scheduler >> 20
    );
    // Until it is well, it is probed by one request at a time.
    tokio::time::sleep(2 * QUIET).await;
    let probed_since = Instant::now();
    tokio::time::sleep(2 * QUIET).await;
    let probes = of_since(&cluster, probed_since);
    assert!(!probes.is_empty(), "it is probed");
    assert!(most_open(&probes) == 1, "{probes:#?}");

    let well_since = Instant::now();
    cluster.receiver.behave(PATH, Behaviour::slow(Duration::from_millis(20)));
    all_succeed(&cluster.receiver, PATH, count, patience(count)).await?;
    let flood = of_since(&cluster, well_since);
    let most = most_open(&flood);
    assert!(most <= LIMIT, "{most} were open, and at most {LIMIT} may be");
    ramps(&flood)?;
    held_within_the_cap(&mut cluster).await?;
    parked_once_each(&cluster.setup).await
}

/// The most bytes of deliveries that the deliverer ever counted; it counts every change, and shows this a few times a second.
async fn held_within_the_cap(cluster: &mut Cluster) -> Result<usize> {
    let rendered = cluster.process("deliverer-1")?.metrics().await?;
    let most = metric(&rendered, "aerogram_held_bytes_max", "deliveries").unwrap_or(0.0) as usize;
    assert!(most > 0, "the deliverer does not say what it held");
    assert!(most <= HELD_BYTES_MAX + DELIVERY_BYTES_MAX, "{most} B were held at a time");
    Ok(most)
}

/// The window doubles with each window of successes: after n of them at most n + 1 more are under way. The last probe of
/// before may be among them.
fn ramps(flood: &[Arc<Request>]) -> Result<()> {
    let mut ends: Vec<Instant> = flood.iter().filter_map(|request| request.ended()).collect();
    ends.sort_unstable();
    for (index, request) in flood.iter().enumerate() {
        let ended = ends.partition_point(|end| *end <= request.arrived);
        ensure!(index <= 2 * ended + 1, "request {index} came when {ended} had ended");
    }
    Ok(())
}

fn of_since(cluster: &Cluster, since: Instant) -> Vec<Arc<Request>> {
    let requests = cluster.receiver.requests_on(PATH);
    requests.into_iter().filter(|request| request.arrived >= since).collect()
}
