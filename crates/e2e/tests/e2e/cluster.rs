//! All roles as processes, to be stopped, killed and started again.

use crate::rest::{Owner, Rest, Subscription};
use crate::setup::Setup;
use aerogram_testkit::{HttpClient, Process, Receiver, Role, Upstream};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// For everything that is waited for; a machine under load may take a while.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing must come before it is believed that nothing more comes.
pub const QUIET: Duration = Duration::from_millis(1500);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// The running system. Its processes are killed when it is dropped.
pub struct Cluster {
    processes: BTreeMap<String, Process>,
    roles: BTreeMap<String, Role>,
    pub receiver: Receiver,
    pub upstream: Upstream,
    pub rest: Rest,
    pub http: HttpClient,
    pub setup: Setup,
}

impl Cluster {
    /// One process of each role.
    pub async fn start(setup: Setup) -> Result<Self> {
        Self::start_with(setup, 1).await
    }

    /// Several deliverers: `deliverer-1`, `deliverer-2`, …
    pub async fn start_with(setup: Setup, deliverers: usize) -> Result<Self> {
        let mut cluster = Self::new(setup).await?;
        for name in ["ingest", "fanout", "scheduler", "api"] {
            cluster.reconfigure(name);
        }
        for number in 1..=deliverers {
            cluster.add(&format!("deliverer-{number}"), cluster.setup.role("aerogram-deliverer"));
        }
        cluster.start_all().await?;
        Ok(cluster)
    }

    /// No process yet, but topics and a receiver.
    pub async fn new(setup: Setup) -> Result<Self> {
        setup.create_topics().await?;
        let receiver = Receiver::start(&setup.ca).await?;
        let (upstream, rest, http) = (setup.rig.upstream()?, Rest::new(&setup.api), HttpClient::new());
        Ok(Self { processes: BTreeMap::new(), roles: BTreeMap::new(), receiver, upstream, rest, http, setup })
    }

    /// A process that may be started.
    pub fn add(&mut self, name: &str, role: Role) {
        self.roles.insert(name.to_owned(), role.named(name));
    }

    /// Starts everything and waits until it is ready.
    pub async fn start_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.roles.keys().cloned().collect();
        for name in &names {
            self.spawn(name)?;
        }
        for name in &names {
            self.process(name)?.wait_ready(PATIENCE).await?;
        }
        Ok(())
    }

    /// Starts a role (again) and waits until it is ready.
    pub async fn start_role(&mut self, name: &str) -> Result<()> {
        self.spawn(name)?;
        self.process(name)?.wait_ready(PATIENCE).await
    }

    /// Gives a role that does not run the settings as they are now.
    pub fn reconfigure(&mut self, name: &str) {
        self.add(name, self.setup.role(&format!("aerogram-{name}")));
    }

    /// Starts a role without waiting.
    pub fn spawn(&mut self, name: &str) -> Result<()> {
        let role = self.roles.get(name).with_context(|| format!("there is no role {name}"))?;
        self.processes.insert(name.to_owned(), role.spawn()?);
        Ok(())
    }

    /// SIGKILL.
    pub async fn kill9(&mut self, name: &str) -> Result<()> {
        self.taken(name)?.kill9().await
    }

    /// SIGTERM; it must end well, and in time.
    pub async fn terminate(&mut self, name: &str) -> Result<()> {
        let status = self.taken(name)?.terminate(STOP_WITHIN).await?;
        ensure!(status.success(), "{name} ended with {status} after SIGTERM");
        Ok(())
    }

    /// SIGTERM to all of them.
    pub async fn terminate_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.processes.keys().cloned().collect();
        for name in names {
            self.terminate(&name).await?;
        }
        Ok(())
    }

    pub fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes.get_mut(name).with_context(|| format!("{name} does not run"))
    }

    /// The log of a role, of all its processes so far.
    pub fn log(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.setup.rig.dir().join(format!("{name}.log")))?)
    }

    /// The logs of all roles by name.
    pub fn logs(&self) -> Result<Vec<(String, String)>> {
        self.roles.keys().map(|name| Ok((name.clone(), self.log(name)?))).collect()
    }

    /// Creates a subscription that is sent to `path` of the receiver; `extra` has the optional fields.
    pub async fn subscribe(
        &self,
        owner: Owner,
        event: &str,
        path: &str,
        extra: &Value,
    ) -> Result<Subscription> {
        let key = format!("key of {path}, longer than anything accidental");
        self.subscribe_with_key(owner, event, path, &key, extra).await
    }

    /// As [`Cluster::subscribe`] with a signing key of the test's.
    pub async fn subscribe_with_key(
        &self,
        owner: Owner,
        event: &str,
        path: &str,
        key: &str,
        extra: &Value,
    ) -> Result<Subscription> {
        let mut body = json!({"event": event, "callbackUrl": self.receiver.url(path), "signingKey": key});
        for (name, value) in extra.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = self.rest.create(owner, &body).await?;
        ensure!(answer.status == 201, "creating {body}: {} {}", answer.status, answer.text());
        let created = answer.json();
        let id = created["id"].as_str().context("a subscription without id")?.to_owned();
        Ok(Subscription { id, path: path.to_owned(), key: key.to_owned(), owner })
    }

    fn taken(&mut self, name: &str) -> Result<Process> {
        self.processes.remove(name).with_context(|| format!("{name} does not run"))
    }
}
