//! Processes that stop, die and stand still under load: nothing is lost, and repeats stay within the cap in flight.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, ACME_2, ACME_3, Subscription};
use crate::setup::Setup;
use aerogram_testkit::{Behaviour, Upstream};
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

const KIND: &str = "FLIGHT_MOVEMENT_UPDATE";
/// Requests in flight in one deliverer: what it may repeat when it dies.
const IN_FLIGHT_MAX: usize = 60;
const ALL_WITHIN: Duration = Duration::from_secs(120);

/// Publishes on and on, so that whatever happens, happens under load.
struct Load {
    go_on: Arc<AtomicBool>,
    publishing: JoinHandle<Result<usize>>,
}

impl Load {
    fn start(cluster: &Cluster) -> Result<Self> {
        let go_on = Arc::new(AtomicBool::new(true));
        let (upstream, topic) = (cluster.setup.rig.upstream()?, cluster.setup.flights());
        let publishing = tokio::spawn(publish_while(go_on.clone(), upstream, topic));
        Ok(Self { go_on, publishing })
    }

    /// The ids of all events that were published.
    async fn stop(self) -> Result<BTreeSet<String>> {
        self.go_on.store(false, Ordering::Relaxed);
        let count = self.publishing.await??;
        Ok((0..count).map(|n| format!("e-{n}")).collect())
    }
}

async fn publish_while(go_on: Arc<AtomicBool>, upstream: Upstream, topic: String) -> Result<usize> {
    let (mut count, mut tick) = (0, tokio::time::interval(Duration::from_millis(50)));
    while go_on.load(Ordering::Relaxed) {
        tick.tick().await;
        let records: Vec<_> =
            (count..count + 5).map(|n| event(&format!("e-{n}"), KIND).structured()).collect();
        count += records.len();
        upstream.send_all(&topic, &records).await?;
    }
    Ok(count)
}

/// Twelve subscriptions of three partners: every partition has some.
async fn subscribe(cluster: &Cluster) -> Result<Vec<Subscription>> {
    let mut subscriptions = Vec::new();
    for number in 0..12 {
        let owner = [ACME, ACME_2, ACME_3][number % 3];
        let path = format!("/hook-{number}");
        subscriptions.push(cluster.subscribe(owner, KIND, &path, &json!({})).await?);
    }
    Ok(subscriptions)
}

/// How many requests were repetitions of a delivery that had been answered or begun before.
fn repeats(cluster: &Cluster, subscriptions: &[Subscription]) -> usize {
    let of = |s: &Subscription| -> usize {
        cluster.receiver.by_webhook_id(&s.path).values().map(|requests| requests.len() - 1).sum()
    };
    subscriptions.iter().map(of).sum()
}

/// Every event is there for every subscription, under one webhook-id each.
fn assert_nothing_lost(
    cluster: &Cluster,
    subscription: &Subscription,
    published: &BTreeSet<String>,
) -> Result<()> {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (webhook_id, requests) in cluster.receiver.by_webhook_id(&subscription.path) {
        for request in requests {
            let id = request.json()?["id"].as_str().context("a body without id")?.to_owned();
            ids.entry(id).or_default().insert(webhook_id.clone());
        }
    }
    let lost: Vec<_> = published.iter().filter(|id| !ids.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{} lost {} of {}: {lost:?}", subscription.path, lost.len(), published.len());
    let renamed: Vec<_> = ids.iter().filter(|(_, webhook_ids)| webhook_ids.len() > 1).collect();
    assert!(renamed.is_empty(), "under several webhook-ids at {}: {renamed:?}", subscription.path);
    assert_eq!(ids.len(), published.len(), "more than was published came to {}", subscription.path);
    Ok(())
}

async fn all_arrive(
    cluster: &Cluster,
    subscriptions: &[Subscription],
    published: &BTreeSet<String>,
) -> Result<()> {
    for subscription in subscriptions {
        // Repeats count as well here; what is missing then is named below.
        cluster.receiver.wait_for_count(&subscription.path, published.len(), ALL_WITHIN).await?;
    }
    cluster.receiver.wait_until_quiet(Duration::from_secs(3), PATIENCE).await?;
    subscriptions.iter().try_for_each(|subscription| assert_nothing_lost(cluster, subscription, published))
}

/// Requests go on: of `count` more, all begin from now on.
async fn flows(cluster: &Cluster, count: usize) -> Result<()> {
    let wanted = cluster.receiver.count() + count;
    cluster
        .receiver
        .wait_for(&format!("{count} more requests"), PATIENCE, |requests| requests.len() >= wanted)
        .await
}

async fn start(test: &str, deliverers: usize) -> Result<Cluster> {
    let mut setup = Setup::new(test).await?;
    setup.set("DELIVERER__IN_FLIGHT_MAX", IN_FLIGHT_MAX.to_string());
    let cluster = Cluster::start_with(setup, deliverers).await?;
    // Slow enough that there is always something in flight.
    cluster.receiver.behave_otherwise(Behaviour::slow(Duration::from_millis(30)));
    Ok(cluster)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deliverer_may_stop_and_another_may_die() -> Result<()> {
    let mut cluster = start("failover", 2).await?;
    let subscriptions = subscribe(&cluster).await?;
    let load = Load::start(&cluster)?;
    flows(&cluster, 500).await?;
    for name in ["deliverer-1", "deliverer-2"] {
        let metrics = cluster.process(name)?.metrics().await?;
        assert!(sent(&metrics) > 0, "both share the load, but {name} sent nothing:\n{metrics}");
    }

    cluster.terminate("deliverer-1").await?;
    flows(&cluster, 500).await?;
    cluster.start_role("deliverer-1").await?;
    flows(&cluster, 500).await?;
    let of_stopping = repeats(&cluster, &subscriptions);

    cluster.kill9("deliverer-2").await?;
    // Past the session timeout, when the dead one's partitions are taken over.
    tokio::time::sleep(Duration::from_secs(7)).await;
    flows(&cluster, 500).await?;
    cluster.start_role("deliverer-2").await?;
    flows(&cluster, 500).await?;
    let published = load.stop().await?;
    all_arrive(&cluster, &subscriptions, &published).await?;
    let of_killing = repeats(&cluster, &subscriptions) - of_stopping;
    println!("repeats: {of_stopping} of the stop, {of_killing} of the kill, {} events", published.len());
    assert_eq!(of_stopping, 0, "a stop drains and commits, so nothing is repeated");
    assert!(of_killing <= IN_FLIGHT_MAX, "{of_killing} repeats, at most {IN_FLIGHT_MAX} were in flight");
    Ok(())
}

/// First attempts that were made, from the metrics of a deliverer.
fn sent(metrics: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with("aerogram_delivery_attempts_total"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deliverer_that_stood_still_does_no_harm_when_it_wakes() -> Result<()> {
    let mut cluster = start("zombie", 2).await?;
    let subscriptions = subscribe(&cluster).await?;
    let load = Load::start(&cluster)?;
    flows(&cluster, 500).await?;
    cluster.process("deliverer-1")?.pause()?;
    tokio::time::sleep(Duration::from_secs(9)).await;
    flows(&cluster, 200).await?;
    cluster.process("deliverer-1")?.resume()?;
    flows(&cluster, 500).await?;
    let published = load.stop().await?;
    all_arrive(&cluster, &subscriptions, &published).await?;
    let repeats = repeats(&cluster, &subscriptions);
    println!("repeats: {repeats} of {} events", published.len());
    assert!(repeats <= IN_FLIGHT_MAX, "{repeats} repeats, at most {IN_FLIGHT_MAX} were in flight");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fanout_and_ingest_may_die_at_any_moment() -> Result<()> {
    let mut cluster = start("fanout-dies", 1).await?;
    let subscriptions = subscribe(&cluster).await?;
    const BACKLOG: usize = 1_500;
    let flights = cluster.setup.flights();
    cluster.upstream.send_all(&flights, &structured(&events("e", KIND, BACKLOG))).await?;
    for name in ["fanout", "ingest", "fanout"] {
        flows(&cluster, 1_000).await?;
        cluster.kill9(name).await?;
        cluster.start_role(name).await?;
    }
    let published: BTreeSet<String> = (0..BACKLOG).map(|n| format!("e-{n}")).collect();
    all_arrive(&cluster, &subscriptions, &published).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    // What fanout wrote twice has the same id, and the deliverer knows it.
    assert_eq!(repeats(&cluster, &subscriptions), 0, "the deliverer recognises what comes again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_and_scheduler_may_die_while_work_waits() -> Result<()> {
    let mut setup = Setup::new("others-die").await?;
    setup.policies(&json!({"patient": {"delays_ms": [4000]}}));
    let mut cluster = Cluster::start(setup).await?;
    cluster.receiver.behave_otherwise(Behaviour::fail_first(1, 500));
    let before = cluster.subscribe(ACME, KIND, "/before", &json!({"policy": "patient"})).await?;
    let flights = cluster.setup.flights();
    let published = events("e", KIND, 30);
    cluster.upstream.send_all(&flights, &structured(&published)).await?;
    cluster.receiver.wait_for_count(&before.path, 30, PATIENCE).await?;
    for name in ["scheduler", "api"] {
        cluster.kill9(name).await?;
        cluster.start_role(name).await?;
    }
    let after = cluster.subscribe(ACME_2, KIND, "/after", &json!({"policy": "patient"})).await?;
    let answer = cluster.rest.get(&before).await?;
    assert_eq!(answer.json()["status"], "ACTIVE", "{}", answer.text());
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.upstream.send(&flights, &event("last", KIND).structured()).await?;
    cluster.receiver.wait_for_count(&before.path, 62, PATIENCE).await?;
    cluster.receiver.wait_for_count(&after.path, 2, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    for requests in cluster.receiver.by_webhook_id(&before.path).values() {
        assert_eq!(requests.len(), 2, "one retry each: {requests:#?}");
        assert!(requests[1].arrived - requests[0].arrived >= Duration::from_secs(4), "early: {requests:#?}");
    }
    assert_eq!(cluster.receiver.count(), 64);
    Ok(())
}
