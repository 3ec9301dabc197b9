//! A fanout that remembers events in memory knows them again after a restart, from the log.

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::event;
use crate::rest::ACME;
use crate::setup::Setup;
use anyhow::{Result, ensure};
use serde_json::json;

const KIND: &str = "FLIGHT_MOVEMENT_UPDATE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_again_after_a_restart_is_known() -> Result<()> {
    let mut setup = Setup::new("recalled").await?;
    setup.set("FANOUT__DEDUPE", "memory");
    let mut cluster = Cluster::start(setup).await?;
    let subscription = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let flights = cluster.setup.flights();
    let (twice, mut next) = (event("twice", KIND), event("next", KIND));
    // One subject, so that what comes after the repetition proves that it was looked at.
    next.subject.clone_from(&twice.subject);
    cluster.upstream.send(&flights, &twice.structured()).await?;
    cluster.receiver.wait_for_count("/hook", 1, PATIENCE).await?;

    // Killed, it has not committed the last event perhaps; stopped, it has.
    for (number, stop) in ["kill", "terminate"].into_iter().enumerate() {
        match stop {
            "kill" => cluster.kill9("fanout").await?,
            _ => cluster.terminate("fanout").await?,
        }
        cluster.upstream.send(&flights, &twice.structured()).await?;
        next.id = format!("next-{number}");
        cluster.upstream.send(&flights, &next.structured()).await?;
        cluster.start_role("fanout").await?;
        let wanted = next.id.clone();
        let came = |requests: &[std::sync::Arc<aerogram_testkit::Request>]| {
            requests.iter().any(|request| request.json().is_ok_and(|body| body["id"] == wanted.as_str()))
        };
        cluster.receiver.wait_for(&format!("{wanted} after {stop}"), PATIENCE, came).await?;
        let by_id = cluster.receiver.by_webhook_id(&subscription.path);
        ensure!(by_id.len() == 2 + number, "after {stop} under the webhook-ids {:?}", by_id.keys());
    }
    Ok(())
}
