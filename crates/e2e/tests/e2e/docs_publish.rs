//! `docs/publish.md`: its programs, as they stand there, publish with Kafka clients of other languages, to a real Kafka
//! and to the demo's broker, and what they publish reaches a receiver.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::docs_demo::Demo;
use crate::docs_page::Page;
use crate::docs_run::{self, clients, run};
use crate::rest::{ACME, Subscription};
use crate::setup::{PUBLISHER, Setup};
use aerogram_testkit::Record;
use aerogram_testkit::process::bin_dir;
use aerogram_testkit::verify::verify_all;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::{env, fs};
use tokio::process::Command;

const PAGE: &str = "docs/publish.md";
const KIND: &str = "OrderDisrupted";

/// Where a sample publishes to, as its page says that it is told.
struct Target<'a> {
    brokers: &'a str,
    topic: &'a str,
    operator: &'a str,
}

impl Target<'_> {
    /// Runs a sample; returns the id of the event that it says it published.
    async fn publish(&self, command: &mut Command) -> Result<String> {
        let env = [("KAFKA_BROKERS", self.brokers), ("KAFKA_TOPIC", self.topic), ("OPERATOR", self.operator)];
        let said = run(command.envs(env)).await?;
        let (id, place) = said.trim().split_once(" is at ").with_context(|| format!("it said {said:?}"))?;
        ensure!(place.starts_with(&format!("{}/", self.topic)), "it published to {place}");
        Ok(id.to_owned())
    }
}

async fn python(dir: &Path, sample: &str, target: &Target<'_>) -> Result<String> {
    fs::write(dir.join("publish.py"), sample)?;
    let packages = clients().await?.join("python");
    let mut command = Command::new("python3");
    target.publish(command.arg("publish.py").env("PYTHONPATH", packages).current_dir(dir)).await
}

async fn javascript(dir: &Path, sample: &str, target: &Target<'_>) -> Result<String> {
    let dir = dir.join("javascript");
    fs::create_dir_all(&dir)?;
    symlink(clients().await?.join("javascript/node_modules"), dir.join("node_modules"))?;
    fs::write(dir.join("publish.mjs"), sample)?;
    target.publish(Command::new("node").arg("publish.mjs").current_dir(dir)).await
}

async fn go(dir: &Path, sample: &str, target: &Target<'_>) -> Result<String> {
    let dir = dir.join("go");
    fs::create_dir_all(&dir)?;
    for name in ["go.mod", "go.sum"] {
        fs::copy(clients().await?.join("go").join(name), dir.join(name))?;
    }
    fs::write(dir.join("main.go"), sample)?;
    run(&mut docs_run::go(&dir, "vet", &["."])).await?;
    target.publish(&mut docs_run::go(&dir, "run", &["."])).await
}

/// Runs the three programs of the page; returns the ids of what they published.
async fn samples(dir: &Path, page: &Page, target: &Target<'_>) -> Result<BTreeSet<String>> {
    let (by_python, by_javascript, by_go) = tokio::try_join!(
        python(dir, page.block("python")?, target),
        javascript(dir, page.block("javascript")?, target),
        go(dir, page.block("go")?, target),
    )?;
    let published = BTreeSet::from([by_python, by_javascript, by_go]);
    ensure!(published.len() == 3, "each publishes an event of its own: {published:?}");
    Ok(published)
}

/// The command over HTTP; returns the ids it was answered.
async fn curl(dir: &Path, sample: &str, address: &str) -> Result<Vec<String>> {
    let sample = format!("set -euo pipefail\n{sample}");
    let mut command = Command::new("bash");
    command.args(["-c", &sample]).current_dir(dir);
    command
        .env("EVENTS", format!("http://{address}/v1/events"))
        .env("TOKEN", PUBLISHER)
        .env("OPERATOR", "acme");
    let said = run(&mut command).await?;
    let answer: Value = serde_json::from_str(&said).with_context(|| format!("curl printed {said:?}"))?;
    let ids = answer["ids"].as_array().with_context(|| format!("no ids in {answer}"))?;
    Ok(ids.iter().filter_map(|id| id.as_str().map(ToOwned::to_owned)).collect())
}

/// The events of a path are exactly these, once each, and all tell of the same change.
async fn arrived(cluster: &Cluster, hook: &Subscription, mut published: Vec<String>) -> Result<()> {
    cluster.receiver.wait_for_count(&hook.path, published.len(), PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    let requests = cluster.receiver.requests_on(&hook.path);
    verify_all(&hook.key, &requests)?;
    let bodies = requests.iter().map(|request| request.json()).collect::<Result<Vec<_>>>()?;
    let mut came: Vec<&str> = bodies.iter().filter_map(|body| body["id"].as_str()).collect();
    came.sort_unstable();
    published.sort_unstable();
    assert_eq!(came, published);
    for body in &bodies {
        assert_eq!(body["data"], json!({"agwID": "AGW-1000042", "orderStatus": "disrupted"}), "{body}");
    }
    Ok(())
}

/// The source of the page, on a topic of this test and for its operator.
fn mapped_source(page: &Page, topic: &str) -> Result<Value> {
    let configuration: Value = toml::from_str(page.block("toml")?)?;
    let mut source = configuration["ingest"]["sources"][0].clone();
    source["topic"] = json!(topic);
    source["operators"] = json!(["acme"]);
    Ok(source)
}

/// `aerogram events validate` accepts the example of the page, and says of one with mistakes what the page says.
async fn validated(dir: &Path, page: &Page) -> Result<()> {
    let command = page.block_with("sh", "events validate")?.trim_end();
    let path = format!("{}:{}", bin_dir()?.display(), env::var("PATH")?);
    let bash = |line: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", line]).env("PATH", &path).current_dir(dir);
        bash
    };
    let good = page.block_with("json", "specversion")?;
    fs::write(dir.join("order.json"), good)?;
    run(&mut bash(command)).await?;
    let bad = good.replace("OrderDisrupted", "OrderDisturbed").replace("  \"operator\": \"GULLIVER\",\n", "");
    fs::write(dir.join("order.json"), bad)?;
    let said = run(&mut bash(&format!("! {command}"))).await?;
    assert_eq!(said, page.block("text")?);
    Ok(())
}

/// What is wrong with the command line is told from what did not work, and what Kafka has from what ingest accepted.
async fn published_by_hand(dir: &Path, target: &Target<'_>) -> Result<()> {
    let program = bin_dir()?.join("aerogram");
    let publish = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["events", "publish", "order.json"]).args(arguments).env_remove("AEROGRAM_TOKEN");
        command.current_dir(dir);
        command
    };
    let nowhere = ["--http", "http://127.0.0.1:1"];
    let without_token = publish(&nowhere).output().await?;
    let complained = String::from_utf8_lossy(&without_token.stderr);
    ensure!(without_token.status.code() == Some(2), "{without_token:?}");
    ensure!(complained.contains("there is no token"), "{complained}");
    let unanswered = publish(&nowhere).env("AEROGRAM_TOKEN", PUBLISHER).output().await?;
    let complained = String::from_utf8_lossy(&unanswered.stderr);
    ensure!(unanswered.status.code() == Some(1), "{unanswered:?}");
    ensure!(complained.contains("0 events were published; whether the 1 from order.json:1"), "{complained}");

    let brokers = format!("kafka.brokers={}", target.brokers);
    let said = run(&mut publish(&["--topic", target.topic, "--unchecked", "--set", &brokers])).await?;
    ensure!(said.contains("1 events: 1 acknowledged, 0 failed"), "{said}");
    ensure!(!said.contains("accepted"), "ingest rejects it: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_reaches_a_receiver() -> Result<()> {
    let page = Page::read(PAGE)?;
    let mut setup = Setup::new("docs-publish").await?;
    let (topic, plain) = (setup.flights(), setup.rig.topic("plain"));
    let cloud_events = json!({"topic": topic, "scope": "orders"});
    setup.set("INGEST__SOURCES", json!([cloud_events, mapped_source(&page, &plain)?]).to_string());
    setup.rig.upstream()?.create_topic(&plain, 2).await?;
    validated(setup.rig.dir(), &page).await?;
    let cluster = Cluster::start(setup).await?;
    let hook = cluster.subscribe(ACME, KIND, "/hook", &json!({})).await?;
    let dir = cluster.setup.rig.dir();
    let target = Target { brokers: cluster.setup.rig.brokers(), topic: &topic, operator: "acme" };
    published_by_hand(dir, &target).await?;

    let example = page.block_with("json", "specversion")?.replace("GULLIVER", "acme");
    let example = Record::new(example).header("content-type", "application/cloudevents+json");
    cluster.upstream.send(&topic, &example).await?;
    let record = Record::new(page.block_with("json", "\"msg\"")?.trim_end());
    cluster.upstream.send(&plain, &record).await?;
    let (by_samples, by_curl) = tokio::try_join!(
        samples(dir, &page, &target),
        curl(dir, page.block_with("sh", "curl")?, &cluster.setup.ingest),
    )?;
    // The command posts the example of the page; of another publisher it is another event.
    assert_eq!(by_curl, ["order-1000042-7"]);
    let published =
        by_samples.into_iter().chain(by_curl).chain(["order-1000042-7", "4711"].map(ToOwned::to_owned));
    arrived(&cluster, &hook, published.collect()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_reaches_the_receiver_of_the_demo() -> Result<()> {
    let page = Page::read(PAGE)?;
    let setup = Setup::new("docs-demo").await?;
    let mut demo = Demo::start(setup.rig.dir())?;
    let report = demo.running().await?;
    let text = |at: &str| {
        report.pointer(at).and_then(Value::as_str).with_context(|| format!("no {at} in {report:#}"))
    };
    let target = Target { brokers: text("/kafka")?, topic: text("/topics/orders")?, operator: "GULLIVER" };
    let published = samples(setup.rig.dir(), &page, &target).await?;
    demo.received(KIND, &published).await?;
    let report = demo.end().await?;
    assert_eq!((&report["missing"], &report["signaturesFailed"]), (&json!(0), &json!(0)), "{report:#}");
    Ok(())
}
