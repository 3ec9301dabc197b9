//! What a test stands on before a process runs: settings, credentials, upstream topics.

use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Ca, Rig, Role};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Operators, each with a token for the applications of [`CLIENTS`].
pub const OPERATORS: [&str; 2] = ["acme", "bluejet"];
pub const CLIENTS: [&str; 3] = ["app-1", "app-2", "app-3"];
/// Bearer token of a publisher that speaks for all operators, and of one that speaks for acme only.
pub const PUBLISHER: &str = "token of the publisher of all";
pub const PUBLISHER_OF_ACME: &str = "token of the publisher of acme";
/// Bearer token of an administrator.
pub const ADMIN: &str = "token of the administrator";
/// 32 bytes, base64.
const SEALING_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Partitions of every internal topic, unless a test says otherwise.
pub const PARTITIONS: i32 = 6;
const TOPICS_WITHIN: Duration = Duration::from_secs(60);

/// Tests share two cores: side by side they would only make each other time out.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A test's ground, and its right to run.
pub struct Setup {
    pub ca: Ca,
    pub rig: Rig,
    pub api: String,
    pub ingest: String,
    env: Vec<(String, String)>,
    _alone: MutexGuard<'static, ()>,
}

impl Setup {
    pub async fn new(test: &str) -> Result<Self> {
        let alone = ALONE.lock().await;
        let rig = Rig::from_env(test);
        let ca = rig.ca()?;
        let (api, ingest) = (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        let credentials = rig.dir().join("credentials.toml");
        fs::write(&credentials, credentials_file()?)?;
        let pem = ca.pem_path().display().to_string();
        let own = [
            ("TOPICS__PARTITIONS", PARTITIONS.to_string()),
            ("TOPICS__EVENT_PARTITIONS", PARTITIONS.to_string()),
            ("INGEST__LISTEN", ingest.clone()),
            ("INGEST__SOURCES", sources(&rig).to_string()),
            ("API__LISTEN", api.clone()),
            ("SEAL__KEYS__K1", SEALING_KEY.to_owned()),
            ("SEAL__CURRENT", "k1".to_owned()),
            ("CREDENTIALS__FILE", credentials.display().to_string()),
            ("DELIVERER__CA_FILES", json!([pem]).to_string()),
            ("DELIVERER__ALLOW_CIDRS", "127.0.0.0/8".to_owned()),
            // Short, so that a killed process's partitions are taken over while the test watches.
            ("KAFKA__SESSION_TIMEOUT_MS", "6000".to_owned()),
            ("DELIVERER__LEASE_MARGIN_MS", "1500".to_owned()),
        ];
        let mut setup = Self { ca, api, ingest, env: rig.env(), rig, _alone: alone };
        for (name, value) in own {
            setup.set(name, value);
        }
        Ok(setup)
    }

    /// Sets a setting of every process: `set("POLICIES", …)`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((format!("AEROGRAM_{name}"), value.into()));
    }

    /// Retry policies by name.
    pub fn policies(&mut self, policies: &Value) {
        self.set("POLICIES", policies.to_string());
    }

    /// A binary with the settings of this test.
    pub fn role(&self, binary: &str) -> Role {
        self.rig.role(binary).envs(self.env.clone())
    }

    /// The upstream topic of CloudEvents.
    pub fn flights(&self) -> String {
        self.rig.topic("upstream-flights")
    }

    /// The upstream topic of protobuf messages.
    pub fn protobuf(&self) -> String {
        self.rig.topic("upstream-protobuf")
    }

    /// The upstream topic that may speak for acme only.
    pub fn bound(&self) -> String {
        self.rig.topic("upstream-bound")
    }

    /// Creates upstream's topics, and ours with `aerogram topics create`.
    pub async fn create_topics(&self) -> Result<()> {
        let upstream = self.rig.upstream()?;
        for topic in [self.flights(), self.protobuf(), self.bound()] {
            upstream.create_topic(&topic, 2).await?;
        }
        self.create_own_topics().await
    }

    pub async fn create_own_topics(&self) -> Result<()> {
        let finished = self.role("aerogram").arg("topics").arg("create").run(TOPICS_WITHIN).await?;
        ensure!(finished.status.success(), "aerogram topics create: {finished:?}");
        Ok(())
    }
}

fn sources(rig: &Rig) -> Value {
    json!([
        {"topic": rig.topic("upstream-flights"), "format": "cloudevents", "scope": "flights", "operators": ["*"]},
        {"topic": rig.topic("upstream-protobuf"), "format": "protobuf", "scope": "protobuf", "operators": ["*"]},
        {"topic": rig.topic("upstream-bound"), "format": "cloudevents", "scope": "bound", "operators": ["acme"]},
    ])
}

/// The token of an operator.
pub fn token_of(operator: &str) -> String {
    format!("token of {operator}")
}

fn credentials_file() -> Result<String> {
    let mut text = String::new();
    for operator in OPERATORS {
        let (sha256, clients) = (sha256(&token_of(operator)), json!(CLIENTS));
        writeln!(text, "[[operators]]\nid = \"{operator}\"\ncontracts = [\"C-1\", \"C-2\"]\n")?;
        writeln!(
            text,
            "[[tokens]]\nsha256 = \"{sha256}\"\noperator = \"{operator}\"\nclients = {clients}\n"
        )?;
    }
    for (name, token, operators) in
        [("all", PUBLISHER, json!(["*"])), ("acme", PUBLISHER_OF_ACME, json!(["acme"]))]
    {
        let sha256 = sha256(token);
        writeln!(
            text,
            "[[publishers]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\noperators = {operators}\n"
        )?;
    }
    writeln!(text, "[[admins]]\nname = \"e2e\"\nsha256 = \"{}\"\n", sha256(ADMIN))?;
    Ok(text)
}

fn sha256(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
