//! No receiver harms another: neither a dead nor a slow one, nor an operator with more to send than anybody can take.

use crate::cluster::Cluster;
use crate::ledger::{all_succeed, successes};
use crate::publish::{events, structured};
use crate::rest::{ACME, BLUEJET, Owner, Subscription};
use crate::scale::{patience, scaled};
use crate::setup::Setup;
use aerogram_testkit::{Behaviour, UpstreamEvent};
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

const KIND: &str = "FLIGHT_CANCEL";

async fn start(test: &str) -> Result<Cluster> {
    Cluster::start(setup(test).await?).await
}

/// Everybody shares the one partition there is.
async fn setup(test: &str) -> Result<Setup> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"patient": {"delays_ms": vec![1_000; 60], "jitter_percent": 0}}));
    setup.set("TOPICS__PARTITIONS", "1");
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "15000");
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "200");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "1000");
    Ok(setup)
}

async fn subscribe(
    cluster: &Cluster,
    owner: Owner,
    path: &str,
    behaviour: Behaviour,
) -> Result<Subscription> {
    cluster.receiver.behave(path, behaviour);
    cluster.subscribe(owner, KIND, path, &json!({"policy": "patient"})).await
}

/// A hundred a second.
async fn publish_steadily(cluster: &Cluster, events: &[UpstreamEvent]) -> Result<()> {
    let (flights, mut tick) = (cluster.setup.flights(), tokio::time::interval(Duration::from_millis(50)));
    for some in structured(events).chunks(5) {
        tick.tick().await;
        cluster.upstream.send_all(&flights, some).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neighbours_of_a_dead_and_a_slow_receiver_get_everything_meanwhile() -> Result<()> {
    let count = scaled(3_000).max(300);
    let cluster = start("neighbours").await?;
    subscribe(&cluster, ACME, "/dead", Behaviour::status(500)).await?;
    subscribe(&cluster, ACME, "/slow", Behaviour::slow(Duration::from_secs(10))).await?;
    let healthy: Vec<String> = (1..=8).map(|n| format!("/healthy-{n}")).collect();
    for path in &healthy {
        subscribe(&cluster, ACME, path, Behaviour::ok()).await?;
    }
    publish_steadily(&cluster, &events("e", KIND, count)).await?;
    for path in &healthy {
        all_succeed(&cluster.receiver, path, count, patience(10 * count)).await?;
    }
    let slow = successes(&cluster.receiver, "/slow").len();
    assert!(slow < count, "what the slow one has not got still waits: {slow} of {count}");
    let tried = cluster.receiver.count_on("/dead");
    assert!(tried > 0 && tried < count, "the dead one is probed, not tried with each: {tried} of {count}");

    for path in ["/dead", "/slow"] {
        cluster.receiver.behave(path, Behaviour::ok());
    }
    for path in ["/dead", "/slow"] {
        all_succeed(&cluster.receiver, path, count, patience(count)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mass_disruption_of_one_operator_holds_up_no_other() -> Result<()> {
    const RECEIVERS: usize = 20;
    let (count, others) = (scaled(2_000), 50);
    let cluster = start("disruption").await?;
    let disrupted: Vec<String> = (1..=RECEIVERS).map(|n| format!("/disrupted-{n}")).collect();
    // All of them well, and together with more to do than may be open in the deliverer.
    for path in &disrupted {
        subscribe(&cluster, ACME, path, Behaviour::slow(Duration::from_secs(5))).await?;
    }
    subscribe(&cluster, BLUEJET, "/other", Behaviour::ok()).await?;
    let flights = cluster.setup.flights();
    cluster.upstream.send_all(&flights, &structured(&events("mass", KIND, count))).await?;
    let mut behind = events("other", KIND, others);
    behind.iter_mut().for_each(|event| "bluejet".clone_into(&mut event.operator));
    cluster.upstream.send_all(&flights, &structured(&behind)).await?;
    all_succeed(&cluster.receiver, "/other", others, patience(RECEIVERS * count)).await?;
    for path in &disrupted {
        let there = successes(&cluster.receiver, path).len();
        assert!(there < count, "what came after it overtakes it: all of {path} is there");
    }

    for path in &disrupted {
        cluster.receiver.behave(path, Behaviour::ok());
    }
    for path in &disrupted {
        all_succeed(&cluster.receiver, path, count, patience(RECEIVERS * count)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_settled_behind_an_open_request_leaves_room_for_what_follows() -> Result<()> {
    const COUNT: usize = 2_000;
    let mut setup = setup("open-request").await?;
    // Far fewer than settle while the request at their front is open, which is for as long as the test takes.
    setup.set("DELIVERER__ITEMS_MAX_PER_PARTITION", "200");
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "280000");
    setup.set("KAFKA__MAX_POLL_INTERVAL_MS", "300000");
    let cluster = Cluster::start(setup).await?;
    subscribe(&cluster, ACME, "/silent", Behaviour::hang()).await?;
    subscribe(&cluster, ACME, "/healthy", Behaviour::ok()).await?;
    let flights = cluster.setup.flights();
    cluster.upstream.send_all(&flights, &structured(&events("e", KIND, COUNT))).await?;
    all_succeed(&cluster.receiver, "/healthy", COUNT, patience(COUNT)).await?;
    let silent = cluster.receiver.requests_on("/silent");
    let ended = silent.iter().filter(|request| request.ended().is_some()).count();
    assert!(!silent.is_empty() && ended == 0, "{ended} of {} requests have ended", silent.len());
    Ok(())
}
