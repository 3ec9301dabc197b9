//! The roles as processes, each with its subscriptions: one for each partition, so that all partitions have work.

use crate::bodies::{self, operator};
use crate::options::Options;
use crate::receiver::Remote;
use crate::resources::{Resources, Usage};
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{HttpClient, Process, Rig, Role, Upstream};
use aerogram_wire::partitioner::partition_of;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

const CLIENT: &str = "bench";
const SOURCE_PARTITIONS: i32 = 6;
const TOPICS_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);
const IN_FLIGHT_MAX: &str = "AEROGRAM_DELIVERER__IN_FLIGHT_MAX";
const REQUEST_TIMEOUT_MS: &str = "AEROGRAM_DELIVERER__REQUEST_TIMEOUT_MS";
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ROLES: [&str; 5] = ["ingest", "fanout", "deliverer", "scheduler", "api"];

pub struct System {
    processes: BTreeMap<String, Process>,
    pub receiver: Remote,
    pub upstream: Upstream,
    pub source: String,
    api: String,
    client: HttpClient,
    env: Vec<(String, String)>,
    partitions: usize,
    rig: Rig,
}

impl System {
    /// Topics, credentials and the receiver; no role yet.
    pub async fn prepare(options: &Options) -> Result<Self> {
        let rig = Rig::from_env("bench");
        let receiver = Remote::start(rig.dir()).await?;
        let upstream = rig.upstream()?;
        let source = rig.topic("upstream");
        upstream.create_topic(&source, SOURCE_PARTITIONS).await?;
        let api = format!("127.0.0.1:{}", free_port()?);
        let credentials = rig.dir().join("credentials.toml");
        // Three operators more than partitions: the one whose subscription changes under load, and those of neighbours.
        fs::write(&credentials, credentials_file(options.partitions + 3)?)?;
        let env = [
            ("TOPICS__PARTITIONS", options.partitions.to_string()),
            ("TOPICS__EVENT_PARTITIONS", options.partitions.to_string()),
            ("INGEST__LISTEN", format!("127.0.0.1:{}", free_port()?)),
            (
                "INGEST__SOURCES",
                json!([{"topic": source, "format": "cloudevents", "scope": "bench"}]).to_string(),
            ),
            ("API__LISTEN", api.clone()),
            ("SEAL__KEYS__K1", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
            ("SEAL__CURRENT", "k1".to_owned()),
            ("CREDENTIALS__FILE", credentials.display().to_string()),
            ("DELIVERER__CA_FILES", json!([receiver.ca_file]).to_string()),
            ("DELIVERER__ALLOW_CIDRS", "127.0.0.0/8".to_owned()),
        ];
        let mut env = env.map(|(name, value)| (format!("AEROGRAM_{name}"), value)).to_vec();
        env.push((IN_FLIGHT_MAX.to_owned(), options.concurrency.to_string()));
        let (processes, client, partitions) = (BTreeMap::new(), HttpClient::new(), options.partitions);
        let system = Self { processes, receiver, upstream, source, api, client, env, partitions, rig };
        let created = system.role("aerogram").arg("topics").arg("create").run(TOPICS_WITHIN).await?;
        ensure!(created.status.success(), "aerogram topics create: {created:?}");
        Ok(system)
    }

    /// All roles, and the subscriptions of the backlog: one in each partition.
    pub async fn start(&mut self) -> Result<()> {
        for name in ROLES {
            let process = self.role(&format!("aerogram-{name}")).named(name).spawn()?;
            self.processes.insert(name.to_owned(), process);
        }
        for process in self.processes.values_mut() {
            process.wait_ready(TOPICS_WITHIN).await?;
        }
        let lean = self.receiver.addresses.lean.clone();
        self.subscribe_on_every_partition(bodies::BACKLOG, &format!("{lean}/backlog")).await
    }

    pub async fn start_role(&mut self, name: &str) -> Result<()> {
        let process = self.role(&format!("aerogram-{name}")).named(name).start().await?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    /// From now on the deliverer has as many requests in flight as it has unless told, not as many as the bare client; and it
    /// waits so long for an answer.
    pub async fn as_it_comes(&mut self, timeout: Duration) -> Result<()> {
        self.stop_role("deliverer").await?;
        self.env.retain(|(name, _)| name != IN_FLIGHT_MAX);
        self.env.push((REQUEST_TIMEOUT_MS.to_owned(), timeout.as_millis().to_string()));
        self.start_role("deliverer").await
    }

    pub async fn stop_role(&mut self, name: &str) -> Result<()> {
        let process = self.processes.remove(name).with_context(|| format!("{name} does not run"))?;
        let status = process.terminate(STOP_WITHIN).await?;
        ensure!(status.success(), "{name} ended with {status}");
        Ok(())
    }

    pub async fn stop(&mut self) -> Result<()> {
        let names: Vec<String> = self.processes.keys().cloned().collect();
        for name in names {
            self.stop_role(&name).await?;
        }
        Ok(())
    }

    /// What every process used so far, the receiver and the benchmark itself among them, and the brokers when the
    /// benchmark's script started them.
    pub fn resources(&self) -> Result<Resources> {
        let mut used = BTreeMap::new();
        for (name, process) in self.processes.iter().chain([(&"receiver".to_owned(), &self.receiver.process)])
        {
            let memory_bytes = process.peak_memory_bytes()?;
            used.insert(
                name.clone(),
                Usage { cpu_s: process.cpu_seconds()?, peak_memory_bytes: memory_bytes },
            );
        }
        Resources::with_others(used, self.rig.dir())
    }

    /// Operator number `number` subscribes; the subscription's id.
    pub async fn subscribe(&self, number: usize, event: &str, url: &str) -> Result<String> {
        let body = json!({"event": event, "callbackUrl": url, "signingKey": "your-secret-signing-key-123"});
        let token = token(number);
        let answer = self.client.post(&self.url(""), &headers(&token), &body).await?;
        ensure!(answer.status == 201, "creating a subscription: {} {}", answer.status, answer.text());
        Ok(answer.json()["id"].as_str().context("a subscription without id")?.to_owned())
    }

    pub async fn delete(&self, number: usize, id: &str) -> Result<()> {
        let token = token(number);
        let answer = self.client.delete(&self.url(&format!("/{id}")), &headers(&token)).await?;
        ensure!(answer.status == 204, "deleting a subscription: {} {}", answer.status, answer.text());
        Ok(())
    }

    /// Ids are random, so one is thrown away when its partition has a subscription already.
    pub async fn subscribe_on_every_partition(&self, event: &str, url: &str) -> Result<()> {
        let mut taken = BTreeSet::new();
        let partitions = i32::try_from(self.partitions)?;
        while taken.len() < self.partitions {
            let number = taken.len();
            let id = self.subscribe(number, event, url).await?;
            if !taken.insert(partition_of(id.as_bytes(), partitions)) {
                self.delete(number, &id).await?;
            }
        }
        Ok(())
    }

    /// Subscribes in the first partition, with all the others that are subscribed so.
    pub async fn subscribe_beside(&self, number: usize, event: &str, url: &str) -> Result<String> {
        let partitions = i32::try_from(self.partitions)?;
        loop {
            let id = self.subscribe(number, event, url).await?;
            if partition_of(id.as_bytes(), partitions) == 0 {
                return Ok(id);
            }
            self.delete(number, &id).await?;
        }
    }

    /// Waits until so many deliveries wait in the scheduler.
    pub async fn wait_pending(&self, count: usize, within: Duration) -> Result<()> {
        let scheduler = self.processes.get("scheduler").context("scheduler does not run")?;
        let until = Instant::now() + within;
        loop {
            let metrics = scheduler.metrics().await?;
            let waiting = metrics.lines().filter(|line| line.starts_with("aerogram_pending{"));
            let waiting: f64 = waiting.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            if waiting >= count as f64 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{waiting} of {count} deliveries wait after {within:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn role(&self, binary: &str) -> Role {
        self.rig.role(binary).envs(self.env.clone())
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/api/v2/webhooks/subscriptions{rest}", self.api)
    }
}

fn headers(token: &str) -> [(&str, &str); 2] {
    [("X-Api-Client-Id", CLIENT), ("X-Auth-Token", token)]
}

fn token(number: usize) -> String {
    format!("token of {}", operator(number))
}

fn credentials_file(operators: usize) -> Result<String> {
    let mut text = String::new();
    for number in 0..operators {
        let digest = Sha256::digest(token(number).as_bytes());
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (id, clients): (String, Value) = (operator(number), json!([CLIENT]));
        writeln!(text, "[[operators]]\nid = \"{id}\"\ncontracts = []\n")?;
        writeln!(text, "[[tokens]]\nsha256 = \"{sha256}\"\noperator = \"{id}\"\nclients = {clients}\n")?;
    }
    Ok(text)
}
