//! The receiver as a process of its own, and how the benchmark asks it what came. It answers questions over plain HTTP
//! on the address where a role has its health, so that it is started and awaited like one.

use aerogram_testkit::{Behaviour, Ca, HttpClient, Process, Receiver, Reply, Request, Role};
use anyhow::{Context, Result, bail};
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};
use tokio::net::TcpListener;

const LISTEN: &str = "AEROGRAM_TELEMETRY__ADMIN_LISTEN";
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where the two receivers are: the lean one takes the load, the other keeps bodies.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Addresses {
    pub lean: String,
    pub full: String,
}

/// What came to a path of the lean receiver; to all of them with an empty path.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Summary {
    pub requests: usize,
    pub distinct: usize,
    /// Microseconds since the Unix epoch; 0 when nothing came.
    pub first_us: u64,
    pub last_us: u64,
}

/// One arrival at the full receiver: `data.sent_us` of the body, and when it came.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Arrival {
    pub sent_us: u64,
    pub arrived_us: u64,
}

#[derive(Deserialize)]
struct On {
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct Answers {
    path: String,
    status: u16,
    after_ms: u64,
}

struct Serving {
    lean: Receiver,
    full: Receiver,
    addresses: Addresses,
    began: (Instant, u64),
}

/// What the hidden subcommand does, until it is killed.
pub async fn serve(dir: &Path) -> Result<()> {
    let listen = env::var(LISTEN).with_context(|| format!("{LISTEN} is not set"))?;
    let ca = Ca::new(dir)?;
    let (lean, full) = (Receiver::start_lean(&ca).await?, Receiver::start(&ca).await?);
    let addresses = Addresses { lean: lean.url(""), full: full.url("") };
    let serving = Arc::new(Serving { lean, full, addresses, began: (Instant::now(), now_us()) });
    let router = Router::new()
        .route("/readyz", get(async || "ready"))
        .route("/addresses", get(async |State(s): State<Arc<Serving>>| Json(s.addresses.clone())))
        .route("/count", get(async |State(s): State<Arc<Serving>>, Query(on): Query<On>| s.count(&on.path)))
        .route(
            "/behave",
            get(async |State(s): State<Arc<Serving>>, Query(how): Query<Answers>| s.behave(&how)),
        )
        .route("/clear", get(async |State(s): State<Arc<Serving>>| s.clear()))
        .route(
            "/summary",
            get(async |State(s): State<Arc<Serving>>, Query(on): Query<On>| Json(s.summary(&on.path))),
        )
        .route(
            "/arrivals",
            get(async |State(s): State<Arc<Serving>>, Query(on): Query<On>| Json(s.arrivals(&on.path))),
        )
        .with_state(serving);
    Ok(axum::serve(TcpListener::bind(&listen).await?, router).await?)
}

impl Serving {
    fn count(&self, path: &str) -> String {
        let count = if path.is_empty() {
            self.lean.count()
        } else {
            self.lean.count_on(path) + self.full.count_on(path)
        };
        count.to_string()
    }

    fn behave(&self, how: &Answers) -> &'static str {
        let status = Reply::Status(how.status);
        let reply = match how.after_ms {
            0 => status,
            after_ms => Reply::After(Duration::from_millis(after_ms), Box::new(status)),
        };
        self.lean.behave(&how.path, Behaviour::Always(reply.clone()));
        self.full.behave(&how.path, Behaviour::Always(reply));
        "told"
    }

    fn clear(&self) -> &'static str {
        self.lean.clear();
        self.full.clear();
        "cleared"
    }

    fn summary(&self, path: &str) -> Summary {
        let requests = if path.is_empty() { self.lean.requests() } else { self.lean.requests_on(path) };
        let times = || requests.iter().map(|request| self.arrived_us(request));
        Summary {
            requests: requests.len(),
            distinct: requests
                .iter()
                .filter_map(|request| request.webhook_id())
                .collect::<HashSet<_>>()
                .len(),
            first_us: times().min().unwrap_or(0),
            last_us: times().max().unwrap_or(0),
        }
    }

    fn arrivals(&self, path: &str) -> Vec<Arrival> {
        let requests = self.full.requests_on(path);
        let sent = |request: &Request| request.json().ok().and_then(|body| body["data"]["sent_us"].as_u64());
        requests
            .iter()
            .filter_map(|r| Some(Arrival { sent_us: sent(r)?, arrived_us: self.arrived_us(r) }))
            .collect()
    }

    /// The receiver notes moments of its process; these are told apart by others only as wall-clock time.
    fn arrived_us(&self, request: &Request) -> u64 {
        let (instant, wall_us) = self.began;
        wall_us + u64::try_from(request.arrived.saturating_duration_since(instant).as_micros()).unwrap_or(0)
    }
}

pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The receiver's process, from the benchmark's side.
pub struct Remote {
    pub process: Process,
    pub addresses: Addresses,
    pub ca_file: PathBuf,
    client: HttpClient,
}

impl Remote {
    pub async fn start(dir: &Path) -> Result<Self> {
        let program = env::current_exe()?;
        let program = program.to_str().context("the path of this program is not text")?;
        let own = dir.join("receiver");
        fs::create_dir_all(&own)?;
        let role = Role::new(program, dir).named("receiver").arg("receiver").arg(own.display().to_string());
        let process = role.start().await?;
        let client = HttpClient::new();
        let addresses = client.get(&process.admin_url("/addresses"), &[]).await?;
        let addresses = serde_json::from_slice(&addresses.body)?;
        Ok(Self { process, addresses, ca_file: own.join("ca.pem"), client })
    }

    /// Requests to a path of either receiver; with an empty one, all requests to the lean one.
    pub async fn count(&self, path: &str) -> Result<usize> {
        Ok(self.ask("/count", path).await?.parse()?)
    }

    /// How a path of either receiver answers from now on, instead of 200 at once.
    pub async fn behave(&self, path: &str, status: u16, after: Duration) -> Result<()> {
        let how = format!("{path}&status={status}&after_ms={}", after.as_millis());
        self.ask("/behave", &how).await.map(drop)
    }

    pub async fn clear(&self) -> Result<()> {
        self.ask("/clear", "").await.map(drop)
    }

    pub async fn summary(&self, path: &str) -> Result<Summary> {
        Ok(serde_json::from_str(&self.ask("/summary", path).await?)?)
    }

    pub async fn arrivals(&self, path: &str) -> Result<Vec<Arrival>> {
        Ok(serde_json::from_str(&self.ask("/arrivals", path).await?)?)
    }

    /// # Errors
    /// Fewer than `count` came within `timeout`.
    pub async fn wait_for_count(&self, path: &str, count: usize, timeout: Duration) -> Result<()> {
        let until = Instant::now() + timeout;
        loop {
            let seen = self.count(path).await?;
            if seen >= count {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("{seen} of {count} requests arrived at {path:?} within {timeout:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn ask(&self, what: &str, path: &str) -> Result<String> {
        let url = self.process.admin_url(&format!("{what}?path={path}"));
        Ok(self.client.get(&url, &[]).await?.text())
    }
}
