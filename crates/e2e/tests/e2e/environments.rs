//! Production and what is not: events of one never come to subscriptions of the other, whichever way they are published.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{batch, event, protobuf};
use crate::rest::ACME;
use crate::setup::{PUBLISHER, Setup};
use aerogram_testkit::UpstreamEvent;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeSet;

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";

/// An event that names no environment, one of production, and one of the other.
fn three(name: &str) -> Vec<UpstreamEvent> {
    let of = |id: &str, environment: Option<&str>| UpstreamEvent {
        environment: environment.map(str::to_owned),
        ..event(&format!("{name}-{id}"), KIND)
    };
    vec![of("unnamed", None), of("real", Some("production")), of("trial", Some("non-production"))]
}

/// The ids of the events that came to a path, each once.
fn came(cluster: &Cluster, path: &str) -> Result<BTreeSet<String>> {
    let requests = cluster.receiver.requests_on(path);
    let ids = requests.iter().map(|request| {
        let id = request.json()?["id"].as_str().map(str::to_owned);
        id.context("a body without id")
    });
    let ids: Vec<String> = ids.collect::<Result<_>>()?;
    let once: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(ids.len(), once.len(), "{path}: {ids:?}");
    Ok(once)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_and_what_is_not_never_meet() -> Result<()> {
    let cluster = Cluster::start(Setup::new("environments").await?).await?;
    let staffing = |environment: &str| {
        let secret = json!({"type": "payloadSignature", "secret": "s"});
        json!({"profile": "staffing", "authentication": secret, "environment": environment})
    };
    for (path, extra) in [
        ("/unnamed", json!({})),
        ("/real", json!({"environment": "production"})),
        ("/trial", json!({"environment": "non-production"})),
        // One URL for each.
        ("/staffing-real", staffing("production")),
        ("/staffing-trial", staffing("non-production")),
    ] {
        let subscription = cluster.subscribe(ACME, KIND, path, &extra).await?;
        let seen = cluster.rest.get(&subscription).await?.json();
        assert_eq!(
            seen["environment"],
            if path.ends_with("trial") { "non-production" } else { "production" }
        );
    }

    let (flights, other) = (cluster.setup.flights(), cluster.setup.protobuf());
    for event in three("structured") {
        cluster.upstream.send(&flights, &event.structured()).await?;
    }
    for event in three("binary") {
        cluster.upstream.send(&flights, &event.binary()).await?;
    }
    for event in three("protobuf") {
        cluster.upstream.send(&other, &protobuf(&event)?).await?;
    }
    let bearer = format!("Bearer {PUBLISHER}");
    let headers = [("Authorization", bearer.as_str())];
    let url = format!("http://{}/v1/events", cluster.setup.ingest);
    let answer = cluster.http.post(&url, &headers, &batch(&three("http"))).await?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    // An environment that there is not is told, not taken for another.
    let wrong = UpstreamEvent { environment: Some("staging".to_owned()), ..event("wrong", KIND) };
    let answer = cluster.http.post(&url, &headers, &wrong.cloud_event()).await?;
    assert!(
        answer.status == 400 && answer.text().contains("environment"),
        "{} {}",
        answer.status,
        answer.text()
    );

    let of = |ids: &[&str]| -> BTreeSet<String> {
        let ways = ["structured", "binary", "protobuf", "http"].iter();
        ways.flat_map(|way| ids.iter().map(move |id| format!("{way}-{id}"))).collect()
    };
    let expected = [
        ("/unnamed", of(&["unnamed", "real"])),
        ("/real", of(&["unnamed", "real"])),
        ("/trial", of(&["trial"])),
        ("/staffing-real", of(&["unnamed", "real"])),
        ("/staffing-trial", of(&["trial"])),
    ];
    for (path, ids) in &expected {
        cluster.receiver.wait_for_count(path, ids.len(), PATIENCE).await?;
    }
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    for (path, ids) in &expected {
        assert_eq!(&came(&cluster, path)?, ids, "{path}");
    }
    Ok(())
}
