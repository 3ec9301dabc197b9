//! A replay of a time in which events wait for fanout: it leaves them to fanout, and each arrives once.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{batch, events};
use crate::repair::Asker;
use crate::rest::ACME;
use crate::setup::{PUBLISHER, Setup};
use anyhow::{Result, ensure};
use serde_json::json;
use std::collections::BTreeSet;

const KIND: &str = "FLIGHT_FBO_ASSIGNMENT";

/// They are in `events` when this returns.
async fn publish(cluster: &Cluster, name: &str, count: usize) -> Result<()> {
    let url = format!("http://{}/v1/events", cluster.setup.ingest);
    let bearer = format!("Bearer {PUBLISHER}");
    let headers =
        [("Authorization", bearer.as_str()), ("Content-Type", "application/cloudevents-batch+json")];
    let answer = cluster.http.post(&url, &headers, &batch(&events(name, KIND, count))).await?;
    ensure!(answer.status == 202, "{} {}", answer.status, answer.text());
    Ok(())
}

fn webhook_ids(cluster: &Cluster, path: &str) -> BTreeSet<String> {
    let requests = cluster.receiver.requests_on(path);
    requests.iter().filter_map(|request| request.webhook_id().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_fanout_arrives_once_whatever_is_replayed_meanwhile() -> Result<()> {
    let mut cluster = Cluster::start(Setup::new("replay-behind").await?).await?;
    let mine = Asker::new(&cluster.setup.api, ACME);
    let hook = cluster.subscribe(ACME, KIND, "/early", &json!({})).await?;
    let since = jiff::Timestamp::now().to_string();
    publish(&cluster, "early", 6).await?;
    mine.stand(&hook.id, "DELIVERED", 6).await?;
    cluster.terminate("fanout").await?;
    publish(&cluster, "waiting", 6).await?;
    let late = cluster.subscribe(ACME, KIND, "/late", &json!({})).await?;
    let replays = |id: &str| format!("/subscriptions/{id}/replays");
    let dry = mine.post(&replays(&late.id), &json!({"since": since, "dryRun": true}), 200).await?;
    assert_eq!((&dry["wouldBeSent"], &dry["complete"]), (&json!(6), &json!(false)), "{dry}");
    let of_late = mine.post(&replays(&late.id), &json!({"since": since}), 202).await?;
    let of_hook = mine.post(&replays(&hook.id), &json!({"since": since, "all": true}), 202).await?;
    cluster.receiver.wait_for_count("/late", 6, PATIENCE).await?;
    cluster.receiver.wait_for_count("/early", 12, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!((cluster.receiver.count_on("/late"), cluster.receiver.count_on("/early")), (6, 12));
    // The next owner goes on waiting.
    cluster.kill9("api").await?;
    cluster.start_role("api").await?;
    for task in [&of_late, &of_hook] {
        let path = format!("/tasks/{}", task["id"].as_str().unwrap_or_default());
        mine.eventually(&path, |task| task["state"] == "RUNNING" && task["progress"]["sent"] == 6).await?;
    }

    cluster.start_role("fanout").await?;
    for task in [&of_late, &of_hook] {
        let done = mine.done(task).await?;
        assert_eq!(done["progress"]["sent"], 6, "{done}");
    }
    mine.stand(&late.id, "DELIVERED", 12).await?;
    // Six of them twice, for all were asked for.
    mine.stand(&hook.id, "DELIVERED", 18).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!((cluster.receiver.count_on("/late"), cluster.receiver.count_on("/early")), (12, 18));
    assert_eq!((webhook_ids(&cluster, "/late").len(), webhook_ids(&cluster, "/early").len()), (12, 12));
    Ok(())
}
