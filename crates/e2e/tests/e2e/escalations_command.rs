//! `aerogram escalations`: people look at what was given up, send it again or let it be.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::event;
use crate::rest::{ACME, BLUEJET};
use crate::setup::{ADMIN, PUBLISHER, Setup, token_of};
use aerogram_testkit::process::Finished;
use aerogram_testkit::{Behaviour, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Instant;

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";

async fn escalations(cluster: &Cluster, token: &str, args: &[&str]) -> Result<Finished> {
    let role = cluster.setup.role("aerogram").env("AEROGRAM_TOKEN", token).arg("escalations");
    args.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await
}

async fn listed(cluster: &Cluster, token: &str, more: &[&str]) -> Result<Vec<Value>> {
    let finished = escalations(cluster, token, &[&["list", "--json"], more].concat()).await?;
    ensure!(finished.status.success(), "{more:?}: {finished:?}");
    Ok(serde_json::from_str(&finished.stdout)?)
}

/// Waits until so many are open.
async fn open(cluster: &Cluster, count: usize) -> Result<Vec<Value>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let listed = listed(cluster, ADMIN, &[]).await?;
        if listed.len() == count {
            return Ok(listed);
        }
        ensure!(Instant::now() < until, "{count} should be open, there are {listed:?}");
    }
}

fn said(finished: &Finished, status: i32, parts: &[&str]) {
    assert_eq!(finished.status.code(), Some(status), "{finished:?}");
    for part in parts {
        let there = finished.stdout.contains(part) || finished.stderr.contains(part);
        assert!(there, "{part:?} is not in {finished:?}");
    }
}

fn id_of(listed: &[Value], event_id: &str) -> Result<String> {
    let one = listed.iter().find(|one| one["eventId"] == event_id).context("no such escalation")?;
    Ok(one["id"].as_str().context("no id")?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_is_looked_at_and_dealt_with() -> Result<()> {
    let mut setup = Setup::new("escalations-command").await?;
    setup.policies(&json!({"twice": {"success": [200, 201], "delays_ms": [0]}}));
    let cluster = Cluster::start(setup).await?;
    cluster.receiver.behave("/crew", Behaviour::status(500));
    cluster.receiver.behave("/blue", Behaviour::status(404));
    let twice = json!({"policy": "twice"});
    let hook = cluster.subscribe(ACME, KIND, "/crew", &twice).await?;
    cluster.subscribe(BLUEJET, KIND, "/blue", &twice).await?;
    for id in ["one", "two", "three"] {
        cluster.upstream.send(&cluster.setup.flights(), &event(id, KIND).structured()).await?;
    }
    let blue = UpstreamEvent { operator: "bluejet".into(), ..event("blue", KIND) };
    cluster.upstream.send(&cluster.setup.flights(), &blue.structured()).await?;
    let all = open(&cluster, 4).await?;

    for (filter, count) in [
        (&["--operator", "bluejet"][..], 1),
        (&["--partner", "app-1", "--operator", "acme"], 3),
        (&["--subscription", &hook.id, "--reason", "exhausted", "--fault", "receiver"], 3),
        (&["--event", "FLIGHT_CANCEL"], 0),
        (&["--fault", "platform"], 0),
        (&["--since", "2100-01-01T00:00:00Z"], 0),
        (&["--until", "2100-01-01T00:00:00Z", "--limit", "2"], 2),
        (&["--state", "dismissed"], 0),
        (&["--state", "all", "--limit", "1000"], 4),
    ] {
        assert_eq!(listed(&cluster, ADMIN, filter).await?.len(), count, "{filter:?}");
    }
    let id = id_of(&all, "one")?;
    said(
        &escalations(&cluster, ADMIN, &["list"]).await?,
        0,
        &[&id, "exhausted", "http_5xx 500", "http_4xx 404"],
    );
    said(&escalations(&cluster, ADMIN, &["list", "--fault", "platform"]).await?, 0, &["nothing matches"]);
    said(
        &escalations(&cluster, ADMIN, &["list", "--since", "yesterday"]).await?,
        1,
        &["since", "must be a time"],
    );
    said(&escalations(&cluster, PUBLISHER, &["list"]).await?, 1, &["401"]);
    let refused = escalations(&cluster, PUBLISHER, &["list", "--json"]).await?;
    let told: Value = serde_json::from_str(&refused.stdout)?;
    assert!(told["error"].as_str().is_some_and(|error| error.starts_with("401")), "{refused:?}");
    // What is left out is told, with the way to it.
    let some = escalations(&cluster, ADMIN, &["list", "--limit", "3", "--json"]).await?;
    said(&some, 0, &["there are more than these 3; --limit 30 lists more"]);
    let part: Vec<Value> = serde_json::from_str(&some.stdout)?;
    let until = part[2]["escalatedAt"].as_str().context("no time")?;
    assert!(some.stderr.contains(&format!("--until {until}")), "{some:?}");
    let whole = escalations(&cluster, ADMIN, &["list", "--limit", "4"]).await?;
    assert!(whole.status.success() && !whole.stderr.contains("more"), "{whole:?}");
    // A partner with the operator's token sees its own.
    let own = listed(&cluster, &token_of("acme"), &["--client-id", "app-1"]).await?;
    assert_eq!(own.len(), 3, "{own:?}");
    let both = escalations(&cluster, ADMIN, &["list", "--client-id", "app-1", "--partner", "app-1"]).await?;
    said(&both, 2, &["cannot be used with"]);

    let shown = escalations(&cluster, ADMIN, &["show", &id]).await?;
    said(
        &shown,
        0,
        &[
            "attempts      2",
            "http_5xx",
            "500",
            "fault         receiver",
            "policy        twice",
            "\"of\": \"one\"",
            &hook.id,
        ],
    );
    let shown = escalations(&cluster, ADMIN, &["show", &id, "--json"]).await?;
    let shown: Value = serde_json::from_str(&shown.stdout)?;
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(2), "{shown}");
    let none = format!("msg_{}", "0".repeat(32));
    said(&escalations(&cluster, ADMIN, &["show", &none]).await?, 1, &["404"]);

    // Let be, with a reason that everybody finds.
    let two = id_of(&all, "two")?;
    let why = "their test system is gone";
    let dismissed = escalations(&cluster, ADMIN, &["dismiss", &two, &none, "--why", why]).await?;
    said(&dismissed, 1, &["dismissed", "404", "1 dismissed, 1 not"]);
    said(&escalations(&cluster, ADMIN, &["dismiss", &two]).await?, 2, &["--why"]);
    said(&escalations(&cluster, ADMIN, &["list", "--state", "dismissed"]).await?, 0, &[&two, why]);
    said(&escalations(&cluster, ADMIN, &["show", &two]).await?, 0, &[why, "by admin:e2e"]);

    // Sent again, once, as the same delivery.
    let before = cluster.receiver.count_on("/crew");
    cluster.receiver.behave("/crew", Behaviour::ok());
    let again = escalations(&cluster, ADMIN, &["redeliver", &id, "--json"]).await?;
    let outcome: Value = serde_json::from_str(&again.stdout)?;
    assert_eq!(
        (&outcome[0]["done"], &outcome[0]["escalation"]["state"]),
        (&json!(true), &json!("redelivered")),
        "{again:?}"
    );
    cluster.receiver.wait_for_count("/crew", before + 1, PATIENCE).await?;
    said(&escalations(&cluster, ADMIN, &["redeliver", &id]).await?, 0, &["1 redelivered, 0 not"]);
    let late = escalations(&cluster, ADMIN, &["dismiss", &id, "--why", "too late"]).await?;
    said(&late, 1, &["cannot be taken back", "0 dismissed, 1 not"]);

    // All that fit, once somebody says so.
    let filter = ["redeliver", "--all", "--operator", "acme"];
    let asked = escalations(&cluster, ADMIN, &filter).await?;
    said(&asked, 1, &["1 will be sent again. Go on? [y/N]", "nothing was done"]);
    said(&escalations(&cluster, ADMIN, &["redeliver", &id, "--operator", "acme"]).await?, 2, &["--all"]);
    said(
        &escalations(&cluster, ADMIN, &[&filter[..], &["--yes"]].concat()).await?,
        0,
        &["1 redelivered, 0 not"],
    );
    cluster.receiver.wait_for_count("/crew", before + 2, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on("/crew"), before + 2);
    let requests = cluster.receiver.requests_on("/crew");
    let sent_before = |request: &aerogram_testkit::Request| {
        requests[..before].iter().any(|earlier| earlier.webhook_id() == request.webhook_id())
    };
    assert!(requests[before..].iter().all(|request| sent_before(request)));
    let left = open(&cluster, 1).await?;
    assert_eq!(left[0]["eventId"], "blue");
    Ok(())
}
