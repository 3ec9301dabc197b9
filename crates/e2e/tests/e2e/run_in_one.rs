//! `aerogram run`: everything in one process with the embedded broker, killed in the middle and started again.

use crate::cluster::{PATIENCE, QUIET};
use crate::publish::events;
use crate::rest::{ACME, Rest, Subscription};
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Behaviour, Process, Receiver, Role, Upstream, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::Duration;

const KIND: &str = "FLIGHT_TIME_UPDATE";
const STOP_WITHIN: Duration = Duration::from_secs(40);
/// Where `aerogram run` reads when nothing is configured.
const TOPIC: &str = "flights";

/// The command, with the embedded broker on a port of its own and no Redis anywhere.
fn command(setup: &Setup, port: u16) -> Role {
    let data_dir = setup.rig.dir().join("data").display().to_string();
    let flags = [
        "kafka.brokers=embedded:0".to_owned(),
        format!("embedded.port={port}"),
        "ingest.sources=[]".to_owned(),
        "redis.url=redis://127.0.0.1:1".to_owned(),
    ];
    let run = setup.role("aerogram").arg("run").arg("--data-dir").arg(data_dir);
    flags.into_iter().fold(run, |run, flag| run.arg("--set").arg(flag))
}

struct Installation {
    setup: Setup,
    role: Role,
    process: Option<Process>,
    port: u16,
    receiver: Receiver,
    rest: Rest,
}

impl Installation {
    async fn start(mut setup: Setup) -> Result<Self> {
        setup.policies(&json!({"quick": {"delays_ms": [1500, 1500, 1500, 1500]}}));
        let port = free_port()?;
        let role = command(&setup, port);
        let process = Some(role.start().await?);
        let receiver = Receiver::start(&setup.ca).await?;
        let rest = Rest::new(&setup.api);
        Ok(Self { setup, role, process, port, receiver, rest })
    }

    fn upstream(&self) -> Result<Upstream> {
        Upstream::new(&format!("127.0.0.1:{}", self.port))
    }

    async fn subscribe(&self, path: &str) -> Result<Subscription> {
        let key = format!("key of {path}");
        let body = json!({
            "event": KIND, "callbackUrl": self.receiver.url(path), "signingKey": key, "policy": "quick",
        });
        let answer = self.rest.create(ACME, &body).await?;
        ensure!(answer.status == 201, "creating {body}: {} {}", answer.status, answer.text());
        let id = answer.json()["id"].as_str().context("no id")?.to_owned();
        Ok(Subscription { id, path: path.to_owned(), key, owner: ACME })
    }

    async fn publish(&self, events: &[UpstreamEvent]) -> Result<()> {
        let records: Vec<_> = events.iter().map(UpstreamEvent::structured).collect();
        self.upstream()?.send_all(TOPIC, &records).await
    }

    async fn kill9(&mut self) -> Result<()> {
        self.process.take().context("it does not run")?.kill9().await
    }

    async fn start_again(&mut self) -> Result<()> {
        self.process = Some(self.role.start().await?);
        Ok(())
    }

    async fn terminate(&mut self) -> Result<()> {
        let status = self.process.take().context("it does not run")?.terminate(STOP_WITHIN).await?;
        ensure!(status.success(), "it ended with {status} after SIGTERM");
        Ok(())
    }
}

/// Every event was delivered, whatever was repeated, and all copies of one have one id.
fn check_complete(receiver: &Receiver, subscription: &Subscription, events: &[UpstreamEvent]) -> Result<()> {
    let requests = receiver.requests_on(&subscription.path);
    verify_all(&subscription.key, &requests)?;
    let mut accepted = BTreeSet::new();
    let mut pairs = BTreeSet::new();
    for request in &requests {
        let body = request.json()?;
        let id = body["id"].as_str().context("a body without id")?.to_owned();
        pairs.insert((id.clone(), request.webhook_id().context("no webhook-id")?.to_owned()));
        accepted.insert(id);
    }
    let missing: Vec<_> = events.iter().filter(|event| !accepted.contains(&event.id)).collect();
    assert!(missing.is_empty(), "{} never came to {}", missing.len(), subscription.path);
    assert_eq!(pairs.len(), events.len(), "an event came with several webhook-ids to {}", subscription.path);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_loses_nothing_and_keeps_its_subscriptions() -> Result<()> {
    let mut installation = Installation::start(Setup::new("run-in-one").await?).await?;
    let healthy = installation.subscribe("/healthy").await?;
    let failing = installation.subscribe("/failing").await?;
    installation.receiver.behave(&failing.path, Behaviour::fail_first(2, 503));

    let before = events("before", KIND, 400);
    let (first, rest) = before.split_at(200);
    installation.publish(first).await?;
    installation.receiver.wait_for_count(&healthy.path, 150, PATIENCE).await?;
    // What follows is somewhere between the upstream topic and the receiver when the process dies; retries wait.
    installation.publish(rest).await?;
    installation.kill9().await?;
    wait_until_closed(installation.port).await?;

    installation.start_again().await?;
    for subscription in [&healthy, &failing] {
        let answer = installation.rest.get(subscription).await?;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ACTIVE")));
    }
    let after = events("after", KIND, 50);
    installation.publish(&after).await?;
    let all: Vec<UpstreamEvent> = before.into_iter().chain(after).collect();
    installation.receiver.wait_for_count(&healthy.path, all.len(), PATIENCE).await?;
    installation.receiver.wait_for_count(&failing.path, 3 * all.len(), PATIENCE).await?;
    installation.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    check_complete(&installation.receiver, &healthy, &all)?;
    check_complete(&installation.receiver, &failing, &all)?;

    installation.terminate().await?;
    wait_until_closed(installation.port).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_instance_on_the_same_data_directory_is_refused() -> Result<()> {
    let mut installation = Installation::start(Setup::new("run-twice").await?).await?;
    let pid = installation.process.as_ref().context("it does not run")?.pid();
    let second =
        command(&installation.setup, free_port()?).env("AEROGRAM_TELEMETRY__ADMIN_LISTEN", "127.0.0.1:0");
    let refused = second.run(PATIENCE).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains(&format!("in use by process {pid}")), "{}", refused.stderr);
    // The first one is none the worse for it.
    let subscription = installation.subscribe("/first").await?;
    let published = events("one", KIND, 1);
    installation.publish(&published).await?;
    installation.receiver.wait_for_count(&subscription.path, 1, PATIENCE).await?;
    installation.terminate().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_killed_alone_is_started_again() -> Result<()> {
    let mut installation = Installation::start(Setup::new("run-broker-killed").await?).await?;
    let subscription = installation.subscribe("/hook").await?;
    let mut all = events("before", KIND, 50);
    installation.publish(&all).await?;
    installation.receiver.wait_for_count(&subscription.path, 50, PATIENCE).await?;
    let process = installation.process.as_mut().context("it does not run")?;
    kill_child_of(process.pid())?;
    process.wait_for_log("is started again", PATIENCE).await?;
    process.wait_ready(PATIENCE).await?;
    let after = events("after", KIND, 50);
    installation.publish(&after).await?;
    all.extend(after);
    installation.receiver.wait_for_count(&subscription.path, all.len(), PATIENCE).await?;
    installation.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    check_complete(&installation.receiver, &subscription, &all)?;
    installation.terminate().await
}

/// Nobody listens there any more: the broker does not outlive the process that started it.
async fn wait_until_closed(port: u16) -> Result<()> {
    let until = tokio::time::Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        ensure!(tokio::time::Instant::now() < until, "something still listens on port {port}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// SIGKILL to the one child of a process.
fn kill_child_of(pid: i32) -> Result<()> {
    // The child belongs to the thread that spawned it, which may be any of the process's.
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let list = std::fs::read_to_string(task?.path().join("children"))?;
        found.extend(list.split_whitespace().map(str::to_owned));
    }
    ensure!(found.len() == 1, "one child was expected, there are {found:?}");
    let killed = std::process::Command::new("kill").args(["-9", &found[0]]).status()?;
    ensure!(killed.success(), "kill -9 {} ended with {killed}", found[0]);
    Ok(())
}
