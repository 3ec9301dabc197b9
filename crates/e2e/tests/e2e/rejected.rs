//! What could not be accepted is looked at, the mapping is mended, and it is accepted after all.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::mapping::{document, fitting, plain, plain_source};
use crate::publish::event;
use crate::rest::ACME;
use crate::setup::{ADMIN, PUBLISHER, Setup};
use aerogram_testkit::process::Finished;
use aerogram_testkit::{Record, UpstreamEvent};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

const KIND: &str = "FLIGHT_CANCEL";

async fn aerogram(cluster: &Cluster, token: &str, args: &[&str]) -> Result<Finished> {
    let role = cluster.setup.role("aerogram").env("AEROGRAM_TOKEN", token);
    args.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await
}

async fn listed(cluster: &Cluster, more: &[&str]) -> Result<Vec<Value>> {
    let finished = aerogram(cluster, ADMIN, &[&["rejected", "list", "--json"], more].concat()).await?;
    assert!(finished.status.success(), "{finished:?}");
    Ok(serde_json::from_str(&finished.stdout)?)
}

/// Waits until so many are open.
async fn open(cluster: &Cluster, count: usize) -> Result<Vec<Value>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let listed = listed(cluster, &[]).await?;
        if listed.len() == count {
            return Ok(listed);
        }
        if Instant::now() >= until {
            bail!("{count} should be open, there are {listed:?}");
        }
    }
}

/// The calls behind the command: pages of two by their links are what one page of many is; what means nothing is refused.
async fn pages_are_linked(cluster: &Cluster, entries: &[Value]) -> Result<()> {
    let admin = format!("Bearer {ADMIN}");
    let get = async |path: &str| {
        cluster
            .http
            .get(&format!("http://{}{path}", cluster.setup.ingest), &[("Authorization", &admin)])
            .await
    };
    let (mut path, mut came) = ("/v1/rejected?limit=2".to_owned(), Vec::new());
    loop {
        let answer = get(&path).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        came.extend(page["rejected"].as_array().context("a list")?.iter().cloned());
        let Some(link) = answer.header("link") else {
            assert!(page["next"].is_null(), "{page}");
            break;
        };
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        path = next.context("the next page")?.to_owned();
    }
    assert_eq!(came, entries);
    for (path, status) in
        [("/v1/rejected?limit=201", 400), ("/v1/rejected?after=17", 400), ("/v1/rejected/x", 400)]
    {
        assert_eq!(get(path).await?.status, status, "{path}");
    }
    Ok(())
}

fn offset_of(entries: &[Value], what: impl Fn(&Value) -> bool) -> Result<String> {
    let entry = entries.iter().find(|entry| what(entry)).context("no such entry")?;
    Ok(entry["offset"].to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mended_mapping_lets_in_what_was_rejected() -> Result<()> {
    let mut setup = Setup::new("mended").await?;
    let (topic, flights) = (plain(&setup), setup.flights());
    let other = json!({"topic": flights, "scope": "flights"});
    let sources = |mapped: Value| json!([mapped, other]).to_string();
    setup.set("INGEST__SOURCES", sources(plain_source(&setup, &json!({"id": "/msg/number"}))));
    setup.rig.upstream()?.create_topic(&topic, 1).await?;
    let mut cluster = Cluster::start(setup).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    for number in 1..=4 {
        cluster.upstream.send(&topic, &document(number, &fitting())).await?;
    }
    cluster.upstream.send(&topic, &Record::new(vec![b' '; 300_000]).keyed("large")).await?;
    cluster.upstream.send(&flights, &Record::new([255_u8; 4])).await?;

    // Newest first, without payload; one with it.
    let entries = open(&cluster, 6).await?;
    let missing = |entry: &Value| entry["reason"] == "missing_field";
    let of_mapped: Vec<&Value> = entries.iter().filter(|entry| missing(entry)).collect();
    assert_eq!(of_mapped.iter().map(|e| e["origin"]["offset"].clone()).collect::<Vec<_>>(), [3, 2, 1, 0]);
    assert_eq!(
        of_mapped[0]["errors"][0],
        "/msg/number: is missing; the mapping takes the event's id from there"
    );
    assert!(of_mapped[0].get("payload").is_none(), "{}", of_mapped[0]);
    assert_eq!(listed(&cluster, &["--reason", "missing_field", "--limit", "3"]).await?.len(), 3);
    assert_eq!(listed(&cluster, &["--topic", &flights]).await?.len(), 1);
    pages_are_linked(&cluster, &entries).await?;
    let first = offset_of(&entries, |entry| missing(entry) && entry["origin"]["offset"] == 0)?;
    let shown = aerogram(&cluster, ADMIN, &["rejected", "show", &first]).await?;
    assert!(shown.status.success() && shown.stdout.contains("\"EXA101\""), "{shown:?}");

    // Nobody else may look, and nothing changes as long as the mapping is as it was.
    let refused = aerogram(&cluster, PUBLISHER, &["rejected", "list"]).await?;
    assert!(!refused.status.success() && refused.stderr.contains("401"), "{refused:?}");
    let retried = aerogram(&cluster, ADMIN, &["rejected", "retry", &first]).await?;
    assert_eq!(retried.status.code(), Some(1), "{retried:?}");
    assert!(retried.stdout.contains("/msg/number: is missing"), "{retried:?}");

    cluster.terminate("ingest").await?;
    let mended = sources(plain_source(&cluster.setup, &json!({})));
    cluster.setup.set("INGEST__SOURCES", mended);
    cluster.reconfigure("ingest");
    cluster.start_role("ingest").await?;
    let retried = aerogram(&cluster, ADMIN, &["rejected", "retry", &first, "--json"]).await?;
    assert!(retried.status.success(), "{retried:?}");
    let outcome: Value = serde_json::from_str(&retried.stdout)?;
    assert_eq!((&outcome[0]["event"]["id"], &outcome[0]["event"]["type"]), (&json!("1"), &json!(KIND)));
    cluster.receiver.wait_for_count(&hook.path, 1, PATIENCE).await?;
    let body = cluster.receiver.requests_on(&hook.path)[0].json()?;
    assert_eq!((&body["id"], &body["data"]), (&json!("1"), &fitting()));

    // Once is enough; and what cannot be tried again says why.
    let again = aerogram(&cluster, ADMIN, &["rejected", "retry", &first]).await?;
    assert!(again.status.code() == Some(1) && again.stdout.contains("accepted already"), "{again:?}");
    assert_eq!(listed(&cluster, &[]).await?.len(), 5);
    let all = aerogram(&cluster, ADMIN, &["rejected", "retry", "--all"]).await?;
    assert_eq!(all.status.code(), Some(1), "{all:?}");
    assert!(all.stdout.contains("5 retried: 3 accepted, 2 not"), "{}", all.stdout);
    assert!(all.stdout.contains("only the beginning was kept"), "{}", all.stdout);

    cluster.receiver.wait_for_count(&hook.path, 4, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!(cluster.receiver.count_on(&hook.path), 4, "each is delivered once");
    // A process that has not seen the marks being written finds them.
    cluster.kill9("ingest").await?;
    cluster.start_role("ingest").await?;
    assert_eq!(open(&cluster, 2).await?.iter().filter(|entry| missing(entry)).count(), 0);
    let all = listed(&cluster, &["--all", "--reason", "missing_field"]).await?;
    assert!(all.len() == 4 && all.iter().all(|entry| entry["settled"] == true), "{all:?}");

    // A source that is gone takes the knowledge with it how to read its records.
    cluster.terminate("ingest").await?;
    cluster.setup.set("INGEST__SOURCES", json!([other]).to_string());
    cluster.reconfigure("ingest");
    cluster.start_role("ingest").await?;
    let large = offset_of(&entries, |entry| entry["reason"] == "too_large")?;
    let gone = aerogram(&cluster, ADMIN, &["rejected", "retry", &large]).await?;
    assert!(
        gone.status.code() == Some(1) && gone.stdout.contains("not in ingest.sources any more"),
        "{gone:?}"
    );
    let none = aerogram(&cluster, ADMIN, &["rejected", "show", "999"]).await?;
    assert!(none.status.code() == Some(1) && none.stderr.contains("404"), "{none:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publishers_tools_publish_what_is_right_and_tell_the_rest() -> Result<()> {
    let cluster = Cluster::start(Setup::new("tools").await?).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let file = cluster.setup.rig.dir().join("events.jsonl");
    let path = file.display().to_string();
    let lines = |events: &[UpstreamEvent]| -> String {
        events.iter().map(|event| format!("{}\n", event.cloud_event())).collect()
    };
    let wrong = |id: &str| UpstreamEvent { kind: "FLIGHT_UPDATE".to_owned(), ..event(id, KIND) };

    fs::write(&file, lines(&[event("k-1", KIND), wrong("k-2"), event("k-3", KIND)]))?;
    let topic = cluster.setup.flights();
    let refused = aerogram(&cluster, "", &["events", "publish", &path, "--topic", &topic]).await?;
    assert!(
        refused.status.code() == Some(1) && refused.stdout.contains("nothing was published"),
        "{refused:?}"
    );
    fs::write(&file, lines(&[event("k-1", KIND), event("k-3", KIND)]))?;
    let published =
        aerogram(&cluster, "", &["events", "publish", &path, "--topic", &topic, "--json"]).await?;
    assert!(published.status.success(), "{published:?}");
    let acknowledged: Value = serde_json::from_str(&published.stdout)?;
    assert!(acknowledged[0]["accepted"] == true && acknowledged[0]["offset"].is_i64(), "{acknowledged}");
    let nowhere = aerogram(&cluster, "", &["events", "publish", &path, "--topic", "no-such-topic"]).await?;
    assert!(nowhere.status.code() == Some(1) && nowhere.stderr.contains("does not exist"), "{nowhere:?}");

    fs::write(&file, lines(&[event("h-1", KIND), wrong("h-2"), event("h-3", KIND)]))?;
    let url = format!("http://{}", cluster.setup.ingest);
    let over_http = aerogram(&cluster, PUBLISHER, &["events", "publish", &path, "--http", &url]).await?;
    assert_eq!(over_http.status.code(), Some(1), "{over_http:?}");
    assert!(over_http.stdout.contains("3 events: 2 accepted, 1 refused"), "{}", over_http.stdout);
    assert!(over_http.stdout.contains("\"FLIGHT_UPDATE\" is not in the catalogue"), "{}", over_http.stdout);

    cluster.receiver.wait_for_count(&hook.path, 4, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let mut came = BTreeSet::new();
    for request in cluster.receiver.requests_on(&hook.path) {
        came.insert(request.json()?["id"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(came, ["k-1", "k-3", "h-1", "h-3"].map(str::to_owned).into());

    // Over TLS nobody is trusted who is not vouched for.
    let (secure, ca) = (cluster.receiver.url(""), cluster.setup.ca.pem_path().display().to_string());
    let publish = ["events", "publish", &path, "--http", secure.trim_end_matches('/')];
    let untrusted = aerogram(&cluster, PUBLISHER, &publish).await?;
    assert!(untrusted.status.code() == Some(1) && untrusted.stderr.contains("certificate"), "{untrusted:?}");
    let trusted = aerogram(&cluster, PUBLISHER, &[&publish[..], &["--ca", &ca]].concat()).await?;
    assert!(trusted.status.success(), "{trusted:?}");
    let requests = cluster.receiver.requests_on("/v1/events");
    assert_eq!(
        (requests.len(), requests[0].header("authorization")),
        (1, Some(&*format!("Bearer {PUBLISHER}")))
    );
    Ok(())
}
