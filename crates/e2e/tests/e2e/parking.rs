//! A dead or slow receiver holds up nobody: what waits for it is parked, and flows back by credits when it is well again.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::{Behaviour, Reply, Request};
use aerogram_wire::Topic;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, LineKind};
use anyhow::Result;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CANCEL";

/// Everybody shares the one partition there is.
async fn start(test: &str) -> Result<Cluster> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 60], "jitter_percent": 0}}));
    setup.set("TOPICS__PARTITIONS", "1");
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "15000");
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "200");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "1000");
    Cluster::start(setup).await
}

async fn subscribe(cluster: &Cluster, path: &str, behaviour: Behaviour) -> Result<Subscription> {
    cluster.receiver.behave(path, behaviour);
    cluster.subscribe(ACME, KIND, path, &json!({"policy": "patient"})).await
}

fn succeeded(request: &Request) -> bool {
    request.reply.status() == Some(200) || matches!(&request.reply, Reply::After(..))
}

/// How often each delivery succeeded.
fn successes(cluster: &Cluster, path: &str) -> HashMap<String, usize> {
    let mut by_id = HashMap::new();
    for request in cluster.receiver.requests_on(path) {
        if succeeded(&request) && request.ended().is_some() {
            *by_id.entry(request.webhook_id().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    by_id
}

async fn wait_for_all(cluster: &Cluster, path: &str, count: usize) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while successes(cluster, path).len() < count {
        let there = successes(cluster, path).len();
        anyhow::ensure!(Instant::now() < until, "{there} of {count} on {path}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let more: Vec<_> = successes(cluster, path).into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(more.is_empty(), "delivered more than once on {path}: {more:?}");
    Ok(())
}

/// How often each delivery was parked.
async fn parked(cluster: &Cluster) -> Result<HashMap<Vec<u8>, usize>> {
    let mut by_id = HashMap::new();
    for record in topics::decoded::<AttemptsRecord>(&cluster.setup, Topic::Attempts).await? {
        let Some(Body::Batch(batch)) = record.body else { continue };
        for line in batch.lines.iter().filter(|line| line.kind() == LineKind::Parked) {
            *by_id.entry(line.delivery_id.to_vec()).or_default() += 1;
        }
    }
    Ok(by_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbours_of_a_dead_and_a_slow_receiver_get_everything_meanwhile() -> Result<()> {
    const EVENTS: usize = 300;
    let cluster = start("neighbours").await?;
    subscribe(&cluster, "/dead", Behaviour::status(500)).await?;
    subscribe(&cluster, "/slow", Behaviour::slow(Duration::from_secs(10))).await?;
    let healthy: Vec<String> = (1..=8).map(|n| format!("/healthy-{n}")).collect();
    for path in &healthy {
        subscribe(&cluster, path, Behaviour::ok()).await?;
    }
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, EVENTS))).await?;
    for path in &healthy {
        wait_for_all(&cluster, path, EVENTS).await?;
    }
    let (dead, slow) = (successes(&cluster, "/dead").len(), successes(&cluster, "/slow").len());
    assert!(dead == 0 && slow < EVENTS, "both still wait: {dead} and {slow} of {EVENTS}");

    cluster.receiver.behave("/dead", Behaviour::ok());
    cluster.receiver.behave("/slow", Behaviour::ok());
    for path in ["/dead", "/slow"] {
        wait_for_all(&cluster, path, EVENTS).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_dead_receiver_is_parked_once_and_flows_back_by_credits() -> Result<()> {
    const EVENTS: usize = 2_000;
    /// As many as may be open when the lane is shut, and those that shut it.
    const TRIED_MAX: usize = 64 + 8;
    let cluster = start("credits").await?;
    subscribe(&cluster, "/dead", Behaviour::status(503)).await?;
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events("e", KIND, EVENTS))).await?;
    let until = Instant::now() + PATIENCE;
    while parked(&cluster).await?.len() < EVENTS - TRIED_MAX {
        anyhow::ensure!(Instant::now() < until, "{} are parked", parked(&cluster).await?.len());
    }
    // Until it is well, it is probed by one request at a time.
    tokio::time::sleep(2 * QUIET).await;
    let probed_since = Instant::now();
    tokio::time::sleep(2 * QUIET).await;
    let probes: Vec<Arc<Request>> = of_since(&cluster, probed_since);
    assert!(!probes.is_empty(), "it is probed");
    assert!(most_open(&probes) == 1, "{probes:#?}");

    let well_since = Instant::now();
    cluster.receiver.behave("/dead", Behaviour::slow(Duration::from_millis(20)));
    wait_for_all(&cluster, "/dead", EVENTS).await?;
    let flood = of_since(&cluster, well_since);
    assert!(most_open(&flood) <= 64, "more than the lane may have open: {}", most_open(&flood));
    // The window doubles with each window of successes: after n of them at most n + 1 more are under way. The last
    // probe of before may be among them.
    for (index, request) in flood.iter().enumerate() {
        let ended_before =
            |other: &&Arc<Request>| other.ended().is_some_and(|ended| ended <= request.arrived);
        let ended = flood.iter().take(index).filter(ended_before).count();
        assert!(index <= 2 * ended + 1, "request {index} came when {ended} had ended");
    }
    let parked = parked(&cluster).await?;
    let again = parked.values().filter(|times| **times > 1).count();
    assert_eq!(again, 0, "parked more than once, of {}", parked.len());
    Ok(())
}

fn of_since(cluster: &Cluster, since: Instant) -> Vec<Arc<Request>> {
    let requests = cluster.receiver.requests_on("/dead");
    requests.into_iter().filter(|request| request.arrived >= since).collect()
}

/// So many were open at the same time.
fn most_open(requests: &[Arc<Request>]) -> usize {
    let open_at = |at: Instant| {
        let open =
            |other: &&Arc<Request>| other.arrived <= at && other.ended().is_none_or(|ended| ended > at);
        requests.iter().filter(open).count()
    };
    requests.iter().map(|request| open_at(request.arrived)).max().unwrap_or(0)
}
