//! A subscription whose owner has it for other events from now on: what is published since follows, what is under way goes on.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::event;
use crate::rest::{ACME, Subscription};
use crate::setup::{Setup, token_of};
use aerogram_testkit::{Behaviour, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

async fn publish(cluster: &Cluster, id: &str, kind: &str, contract: &str) -> Result<()> {
    let event = UpstreamEvent { contract: Some(contract.to_owned()), ..event(id, kind) };
    cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await.map(drop)
}

/// The ids of the events that came to a path.
fn came(cluster: &Cluster, path: &str) -> Result<BTreeSet<String>> {
    let requests = cluster.receiver.requests_on(path);
    let id = |request: Value| request["id"].as_str().map(str::to_owned).context("a body without id");
    requests.iter().map(|request| id(request.json()?)).collect()
}

async fn comes(cluster: &Cluster, path: &str, id: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !came(cluster, path)?.contains(id) {
        ensure!(Instant::now() < until, "{id} does not come to {path}: {:?}", came(cluster, path)?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn change(cluster: &Cluster, hook: &Subscription, body: &Value) -> Result<()> {
    let answer = cluster.rest.patch(hook, body).await?;
    ensure!(answer.status == 200, "{body}: {} {}", answer.status, answer.text());
    Ok(())
}

async fn ask(cluster: &Cluster, path: &str) -> Result<Value> {
    let token = token_of(ACME.operator);
    let headers = [("X-Api-Client-Id", ACME.client), ("X-Auth-Token", token.as_str())];
    let url = format!("http://{}/api/v2/webhooks{path}", cluster.setup.api);
    Ok(cluster.http.get(&url, &headers).await?.json())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_follow_a_changed_type_and_contract() -> Result<()> {
    let mut setup = Setup::new("concern").await?;
    setup.policies(&json!({"brisk": {"delays_ms": vec![500; 100]}}));
    let cluster = Cluster::start(setup).await?;
    let extra = json!({"policy": "brisk", "contractId": "C-1"});
    let hook = cluster.subscribe(ACME, "PRODUCT_ADDED", "/hook", &extra).await?;
    // They tell when an event has been dealt with.
    cluster.subscribe(ACME, "PRODUCT_ADDED", "/added", &json!({})).await?;
    cluster.subscribe(ACME, "PRODUCT_REMOVED", "/removed", &json!({})).await?;

    cluster.receiver.behave("/hook", Behaviour::status(500));
    publish(&cluster, "added-1", "PRODUCT_ADDED", "C-1").await?;
    comes(&cluster, "/hook", "added-1").await?;
    change(&cluster, &hook, &json!({"event": "PRODUCT_REMOVED"})).await?;
    let tried = cluster.receiver.count_on("/hook");
    cluster.receiver.behave("/hook", Behaviour::ok());
    // It was accepted before, so it is tried on.
    cluster.receiver.wait_for_count("/hook", tried + 1, PATIENCE).await?;

    publish(&cluster, "added-2", "PRODUCT_ADDED", "C-1").await?;
    publish(&cluster, "removed-1", "PRODUCT_REMOVED", "C-1").await?;
    publish(&cluster, "removed-2", "PRODUCT_REMOVED", "C-2").await?;
    comes(&cluster, "/hook", "removed-1").await?;
    comes(&cluster, "/added", "added-2").await?;
    comes(&cluster, "/removed", "removed-2").await?;
    change(&cluster, &hook, &json!({"contractId": "C-2"})).await?;
    publish(&cluster, "removed-3", "PRODUCT_REMOVED", "C-1").await?;
    publish(&cluster, "removed-4", "PRODUCT_REMOVED", "C-2").await?;
    comes(&cluster, "/hook", "removed-4").await?;
    comes(&cluster, "/removed", "removed-3").await?;
    tokio::time::sleep(QUIET).await;
    let expected = ["added-1", "removed-1", "removed-4"].map(str::to_owned);
    assert_eq!(came(&cluster, "/hook")?, BTreeSet::from(expected));

    let list = ask(&cluster, "/subscriptions?include=lastDelivery").await?;
    let listed = list.as_array().into_iter().flatten().find(|one| one["id"] == hook.id);
    let listed = listed.context("the hook is not listed")?;
    assert_eq!((&listed["event"], &listed["contractId"]), (&json!("PRODUCT_REMOVED"), &json!("C-2")));
    let last = listed["lastDelivery"]["id"].as_str().context("no delivery")?;
    let last = ask(&cluster, &format!("/deliveries/{last}")).await?;
    assert_eq!((&last["eventId"], &last["eventType"]), (&json!("removed-4"), &json!("PRODUCT_REMOVED")));
    Ok(())
}
