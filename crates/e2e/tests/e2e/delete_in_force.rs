//! On an idle system a change of a subscription is in force a second after it was answered.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::event;
use crate::rest::{ACME, ACME_2, Subscription};
use crate::setup::Setup;
use aerogram_testkit::Behaviour;
use anyhow::{Result, ensure};
use serde_json::json;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_SLOT_PPR_ASSIGNMENT";
const IN_FORCE: Duration = Duration::from_secs(1);
/// On different partitions, and each a chance of its own.
const ROUNDS: usize = 6;

async fn publish(cluster: &Cluster, id: &str) -> Result<()> {
    cluster.upstream.send(&cluster.setup.flights(), &event(id, KIND).structured()).await?;
    Ok(())
}

/// DELETE every other one, PATCH INACTIVE the rest; when it was answered.
async fn end(cluster: &Cluster, number: usize, subscription: &Subscription) -> Result<Instant> {
    let answer = if number.is_multiple_of(2) {
        cluster.rest.delete(subscription).await?
    } else {
        cluster.rest.patch(subscription, &json!({"status": "INACTIVE"})).await?
    };
    ensure!([200, 204].contains(&answer.status), "{} {}", answer.status, answer.text());
    Ok(Instant::now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_ended_gets_nothing_and_what_was_begun_gets_all() -> Result<()> {
    let cluster = Cluster::start(Setup::new("in-force").await?).await?;
    let receiver = &cluster.receiver;
    let witness = cluster.subscribe(ACME_2, KIND, "/witness", &json!({})).await?;
    for number in 0..ROUNDS {
        let path = format!("/hook-{number}");
        let hook = cluster.subscribe(ACME, KIND, &path, &json!({})).await?;
        tokio::time::sleep(IN_FORCE).await;
        publish(&cluster, &format!("begun-{number}")).await?;
        receiver.wait_for_count(&path, 1, PATIENCE).await?;

        end(&cluster, number, &hook).await?;
        tokio::time::sleep(IN_FORCE).await;
        let seen = receiver.count_on(&witness.path);
        publish(&cluster, &format!("ended-{number}")).await?;
        receiver.wait_for_count(&witness.path, seen + 1, PATIENCE).await?;
        let answer = cluster.rest.get(&hook).await?;
        if number.is_multiple_of(2) {
            assert_eq!(answer.status, 404, "{}", answer.text());
            continue;
        }
        assert_eq!(answer.json()["status"], "INACTIVE", "{}", answer.text());
        let answer = cluster.rest.patch(&hook, &json!({"status": "ACTIVE"})).await?;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ACTIVE")));
        tokio::time::sleep(IN_FORCE).await;
        publish(&cluster, &format!("again-{number}")).await?;
        receiver.wait_for_count(&path, 2, PATIENCE).await?;
        // A new URL is in force as well.
        let moved = json!({"callbackUrl": receiver.url(&format!("{path}-moved"))});
        assert_eq!(cluster.rest.patch(&hook, &moved).await?.status, 200);
        tokio::time::sleep(IN_FORCE).await;
        publish(&cluster, &format!("moved-{number}")).await?;
        receiver.wait_for_count(&format!("{path}-moved"), 1, PATIENCE).await?;
        end(&cluster, 0, &hook).await?;
        tokio::time::sleep(IN_FORCE).await;
    }
    receiver.wait_until_quiet(Duration::from_secs(2), PATIENCE).await?;
    for number in 0..ROUNDS {
        let came: Vec<String> = receiver
            .requests_on(&format!("/hook-{number}"))
            .iter()
            .map(|request| Ok(request.json()?["id"].as_str().unwrap_or_default().to_owned()))
            .collect::<Result<_>>()?;
        let mut expected = vec![format!("begun-{number}")];
        expected.extend((number % 2 == 1).then(|| format!("again-{number}")));
        assert_eq!(came, expected, "on /hook-{number}");
        assert_eq!(receiver.count_on(&format!("/hook-{number}-moved")), number % 2);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_retry_ends_with_its_subscription() -> Result<()> {
    let mut setup = Setup::new("ended").await?;
    setup.policies(&json!({"steady": {"delays_ms": vec![700; 60]}}));
    let cluster = Cluster::start(setup).await?;
    let receiver = &cluster.receiver;
    receiver.behave_otherwise(Behaviour::status(500));
    let mut hooks = Vec::new();
    for number in 0..ROUNDS {
        let path = format!("/hook-{number}");
        hooks.push(cluster.subscribe(ACME, KIND, &path, &json!({"policy": "steady"})).await?);
    }
    tokio::time::sleep(IN_FORCE).await;
    publish(&cluster, "retried").await?;
    let mut ended = Vec::new();
    for (number, hook) in hooks.iter().enumerate() {
        receiver.wait_for_count(&hook.path, 2 + number, PATIENCE).await?;
        ended.push(end(&cluster, number, hook).await?);
    }
    receiver.wait_until_quiet(Duration::from_secs(4), PATIENCE).await?;
    for (hook, ended) in hooks.iter().zip(ended) {
        let requests = receiver.requests_on(&hook.path);
        let late: Vec<Duration> = requests
            .iter()
            .map(|request| request.arrived.saturating_duration_since(ended))
            .filter(|late| *late > IN_FORCE)
            .collect();
        assert!(late.is_empty(), "{} was called {late:?} after the answer", hook.path);
    }
    Ok(())
}
