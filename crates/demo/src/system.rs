//! The Aerogram processes of this run: started, waited for, watched, stopped.

use crate::addresses::{ALL_ROLES, Addresses, ROLES};
use crate::credentials::{Credentials, random_key};
use crate::customers::{QUICK_DELAYS_MS, QUICK_POLICY};
use crate::options::{Options, Stack};
use aerogram_testkit::{Ca, Process, Role, Upstream};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

/// Topics upstream publishes to.
pub const FLIGHTS: &str = "flights";
pub const ORDERS: &str = "orders";
const UPSTREAM_PARTITIONS: i32 = 3;

const READY_WITHIN: Duration = Duration::from_secs(60);
const TOPICS_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What is started, and what of it runs.
pub struct System {
    stack: Stack,
    /// Kafka runs already; otherwise it comes with the first process.
    kafka: Option<String>,
    topics: Role,
    roles: Vec<Role>,
    running: Vec<Process>,
}

impl System {
    pub fn new(options: &Options, addresses: &Addresses, credentials: &Credentials, ca: &Ca) -> Self {
        let env = settings(options, addresses, credentials, ca);
        let role = |binary: &str| Role::new(binary, &options.dir).envs(env.clone());
        let admin = |role: Role, name: &str| match addresses.admin.iter().find(|(known, _)| *known == name) {
            Some((_, address)) => role.env("AEROGRAM_TELEMETRY__ADMIN_LISTEN", address),
            None => role,
        };
        let roles = match options.stack {
            Stack::Embedded => vec![admin(all_in_one(role("aerogram"), options), ALL_ROLES.0)],
            Stack::Real => ROLES.map(|(name, _)| admin(role(&format!("aerogram-{name}")), name)).into(),
        };
        let topics = role("aerogram").named("topics").arg("topics").arg("create");
        Self { stack: options.stack, kafka: options.kafka.clone(), topics, roles, running: Vec::new() }
    }

    /// Starts everything and waits until it is ready. Whatever comes of it, [`System::stop`] has to follow.
    ///
    /// # Errors
    /// Something did not start or did not become ready; the message has the end of its log.
    pub async fn start(&mut self) -> Result<()> {
        if let Some(kafka) = &self.kafka {
            let upstream = Upstream::new(kafka)?;
            for topic in [FLIGHTS, ORDERS] {
                upstream.ensure_topic(topic, UPSTREAM_PARTITIONS).await?;
            }
        }
        if self.stack == Stack::Real {
            let finished = self.topics.run(TOPICS_WITHIN).await?;
            ensure!(finished.status.success(), "aerogram topics create failed: {}", finished.stderr.trim());
        }
        for role in &self.roles {
            self.running.push(role.spawn()?);
        }
        for process in &mut self.running {
            process.wait_ready(READY_WITHIN).await?;
        }
        Ok(())
    }

    /// The names and ids of its processes.
    pub fn processes(&self) -> Vec<(String, i32)> {
        self.running.iter().map(|process| (process.name().to_owned(), process.pid())).collect()
    }

    /// # Errors
    /// A process ended though nobody asked it to.
    pub fn check(&mut self) -> Result<()> {
        for process in &mut self.running {
            if let Some(status) = process.exited()? {
                let log = process.log()?;
                let lines: Vec<&str> = log.lines().collect();
                let end = lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>();
                bail!("{} ended with {status}; the end of its log:\n{}", process.name(), end.join("\n"));
            }
        }
        Ok(())
    }

    /// Ends everything gently, all at once; what does not end in time is killed.
    ///
    /// # Errors
    /// A process did not end, or not well.
    pub async fn stop(self) -> Result<()> {
        let mut stopping = JoinSet::new();
        for process in self.running {
            let name = process.name().to_owned();
            stopping.spawn(async move {
                let status =
                    process.terminate(STOP_WITHIN).await.with_context(|| format!("stopping {name}"))?;
                ensure!(status.success(), "{name} ended with {status} when it was asked to stop");
                Ok(())
            });
        }
        let mut first = Ok(());
        while let Some(stopped) = stopping.join_next().await {
            first = first.and(stopped?);
        }
        first
    }
}

fn all_in_one(role: Role, options: &Options) -> Role {
    let role = role.arg("run").arg("--data-dir").arg(options.dir.join("data").display().to_string());
    let more = [
        ("--kafka", options.kafka.clone()),
        ("--redis", options.redis.clone()),
        ("--broker", options.broker.as_ref().map(|path| path.display().to_string())),
    ];
    more.into_iter().fold(role, |role, (flag, value)| match value {
        Some(value) => role.arg(flag).arg(value),
        None => role,
    })
}

fn settings(
    options: &Options,
    addresses: &Addresses,
    credentials: &Credentials,
    ca: &Ca,
) -> Vec<(String, String)> {
    let policies = json!({QUICK_POLICY: {"delays_ms": QUICK_DELAYS_MS}});
    let mut settings = vec![
        ("API__LISTEN", addresses.api.clone()),
        ("INGEST__LISTEN", addresses.ingest.clone()),
        ("CREDENTIALS__FILE", credentials.file.display().to_string()),
        ("DELIVERER__CA_FILES", json!([ca.pem_path().display().to_string()]).to_string()),
        ("DELIVERER__ALLOW_CIDRS", "127.0.0.0/8".to_owned()),
        ("POLICIES", policies.to_string()),
        ("SEAL__KEYS__K1", random_key()),
        ("SEAL__CURRENT", "k1".to_owned()),
        ("TELEMETRY__LOG_FORMAT", "text".to_owned()),
        ("TELEMETRY__LOG_FILTER", "info".to_owned()),
        ("TOPICS__PARTITIONS", "6".to_owned()),
        ("TOPICS__EVENT_PARTITIONS", "6".to_owned()),
    ];
    match &options.kafka {
        Some(kafka) => {
            let source =
                |topic| json!({"topic": topic, "format": "cloudevents", "scope": topic, "operators": ["*"]});
            settings.push(("INGEST__SOURCES", json!([source(FLIGHTS), source(ORDERS)]).to_string()));
            settings.push(("KAFKA__BROKERS", kafka.clone()));
        }
        // Its topics, and that they are read, are what `aerogram run` does by itself.
        None => {
            let port = addresses.kafka.rsplit_once(':').map_or("", |(_, port)| port);
            settings.push(("EMBEDDED__PORT", port.to_owned()));
        }
    }
    if let Some(redis) = &options.redis {
        settings.push(("REDIS__URL", redis.clone()));
    }
    settings.into_iter().map(|(name, value)| (format!("AEROGRAM_{name}"), value)).collect()
}
