//! Topics, credentials and instances of one test, or of all tests that need nothing special.

use std::fs;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use aerogram_api::FollowPace;
use aerogram_kafka::topics;
use aerogram_settings::{RoleArgs, Settings};
use aerogram_telemetry::{Health, Shutdown};
use aerogram_testkit::{Answer, Rig};
use http::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::openapi::CheckedClient;
use crate::raw::Open;
use crate::seed;

/// SHA-256 of `token-of-acme`, `token-of-bluejet`, `token-of-flights` and `token-of-admin`.
const CREDENTIALS: &str = r#"
[[operators]]
id = "acme"
contracts = ["C-1", "C-2"]

[[operators]]
id = "bluejet"

[[tokens]]
sha256 = "ACME"
operator = "acme"
clients = ["app-1", "app-2", "app-4", "app-5", "app-7", "app-8", "app-9", "app-10", "app-11", "app-12", "app-13"]

[[tokens]]
sha256 = "BLUEJET"
operator = "bluejet"
clients = ["app-1"]

[[tokens]]
sha256 = "FLIGHTS"
operator = "acme"
clients = ["app-3", "app-6", "app-7"]
events = ["FLIGHT_*"]

[[admins]]
name = "platform-team"
sha256 = "ADMIN"
"#;

/// Adds types to the built-in ones.
const OWN_TYPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/catalogue/own-types.example.toml");

pub const SEAL_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Long enough for a machine with two cores that does other things as well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Of tests that wait for what is tried or asked again.
pub const PACE: FollowPace = FollowPace {
    retry_first: Duration::from_millis(50),
    retry_max: Duration::from_millis(500),
    begins_every: Duration::from_millis(100),
    remembered_every: Duration::from_millis(100),
    finish_every: Duration::from_millis(50),
};

pub struct World {
    pub rig: Rig,
    pub env: Vec<(String, String)>,
}

impl World {
    /// Topics with `partitions` partitions, and settings for instances.
    pub async fn new(test: &str, partitions: i32, more: &[(&str, &str)]) -> Self {
        let rig = Rig::from_env(test);
        let file = rig.dir().join("credentials.toml");
        let text = CREDENTIALS
            .replace("ACME", &sha256("token-of-acme"))
            .replace("BLUEJET", &sha256("token-of-bluejet"))
            .replace("FLIGHTS", &sha256("token-of-flights"))
            .replace("ADMIN", &sha256("token-of-admin"));
        fs::write(&file, text).unwrap();
        let mut env = rig.env();
        let partitions = partitions.to_string();
        let own = [
            ("TOPICS__PARTITIONS", partitions.as_str()),
            ("TOPICS__EVENT_PARTITIONS", "1"),
            ("CATALOGUE__FILES", OWN_TYPES),
            ("CREDENTIALS__FILE", file.to_str().unwrap()),
            ("SEAL__KEYS__K1", SEAL_KEY),
            ("SEAL__CURRENT", "k1"),
            ("API__LISTEN", "127.0.0.1:0"),
        ];
        for (name, value) in own.iter().chain(more) {
            env.push((format!("AEROGRAM_{name}"), (*value).to_owned()));
        }
        let world = Self { rig, env };
        topics::create(&world.settings()).await.unwrap();
        world
    }

    pub fn settings(&self) -> Settings {
        let env = self.env.iter().map(|(name, value)| (name.into(), value.into()));
        Settings::load_from(&RoleArgs::default(), env).unwrap()
    }

    /// An instance in this process, ready.
    pub async fn instance(&self) -> Instance {
        let instance = self.instance_at(FollowPace::default()).await;
        eventually("ready", async || instance.health.is_ready().then_some(())).await;
        instance
    }

    /// One that need not be ready yet, following escalations at this pace.
    pub async fn instance_at(&self, pace: FollowPace) -> Instance {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let started = aerogram_api::start_at(self.settings(), health.clone(), shutdown.clone(), pace).await;
        let running = started.unwrap();
        let base = format!("http://{}/api/v2/webhooks", running.address());
        let ended = tokio::spawn(running.ended());
        Instance { base, health, shutdown, ended }
    }
}

/// An instance of the role in this process.
pub struct Instance {
    pub base: String,
    pub health: Health,
    shutdown: Shutdown,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    /// Waits until the readiness says this of a condition.
    pub async fn says(&self, condition: &str, ok: bool, text: &str) {
        eventually(text, async || {
            let report = self.health.report();
            let conditions = report["conditions"].as_array().unwrap().iter();
            let mut says = conditions.filter(|one| one["name"] == condition && one["ok"] == ok);
            says.any(|one| one["text"].as_str().unwrap().contains(text)).then_some(())
        })
        .await;
    }

    pub async fn stop(self) {
        self.shutdown.trigger();
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap().unwrap();
    }
}

/// Two instances on one set of topics, for tests that do not disturb each other.
pub struct Shared {
    pub world: World,
    /// Of the first and of the second instance.
    pub bases: [String; 2],
    runtime: Option<Runtime>,
}

/// A subscription of app-4 and acme that expired two seconds after the beginning of 1970.
pub const EXPIRED: &str = "0192d3a4-0000-7000-8000-000000000001";

/// A subscription of app-7 and acme under the profile staffing, non-production, to an event type it is not entitled to.
pub const OUT_OF_REACH: &str = "0192d3a4-0000-7000-8000-000000000002";

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The shared instances; the last test that holds them stops them.
pub fn shared() -> Arc<Shared> {
    let mut place = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(shared) = place.upgrade() {
        return shared;
    }
    let start = || {
        let runtime = Runtime::new().unwrap();
        let (world, bases) = runtime.block_on(async {
            let more = [
                ("API__SUBSCRIPTIONS_MAX_PER_PAIR", "50"),
                ("API__EGRESS_ADDRESSES", "203.0.113.7,2001:db8:7::/64"),
                ("DELIVERER__ALLOW_CIDRS", "10.1.0.0/16"),
            ];
            let world = World::new("api", 3, &more).await;
            let expired = seed::record(EXPIRED, "app-4", 1, 2_000);
            // Its owner has only flights.
            let out_of_reach = seed::changed_record(OUT_OF_REACH, "app-7", 1, 0, |subscription| {
                subscription.event_type = "OrderCreated".into();
                subscription.profile = "staffing".into();
                subscription.environment = "non-production".into();
            });
            Open::begin(&world.rig, &[expired, out_of_reach]).await.commit().await;
            let (first, second) = tokio::join!(world.instance(), world.instance());
            (world, [first.base, second.base])
        });
        Shared { world, bases, runtime: Some(runtime) }
    };
    // A thread of its own, because tests already run on a runtime.
    let shared = Arc::new(thread::spawn(start).join().unwrap());
    *place = Arc::downgrade(&shared);
    shared
}

impl Shared {
    /// The application on behalf of acme, at each instance.
    pub fn pair(&self, app: &'static str) -> [Caller; 2] {
        self.bases.each_ref().map(|base| Caller::new(base, app, "token-of-acme"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A caller of one instance.
#[derive(Clone)]
pub struct Caller {
    base: String,
    client: CheckedClient,
    app: &'static str,
    token: &'static str,
}

impl Caller {
    pub fn new(base: &str, app: &'static str, token: &'static str) -> Self {
        Self { base: base.to_owned(), client: CheckedClient::new(), app, token }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut all = vec![("x-api-client-id", self.app), ("x-auth-token", self.token)];
        all.extend(headers);
        let url = format!("{}{path}", self.base);
        self.client.request(method, &url, &all, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, body: &Value) -> Answer {
        self.send(Method::POST, "/subscriptions", &[], Some(body)).await
    }

    pub async fn patch(&self, id: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, &format!("/subscriptions/{id}"), &[], Some(body)).await
    }

    pub async fn delete(&self, id: &str) -> Answer {
        self.send(Method::DELETE, &format!("/subscriptions/{id}"), &[], None).await
    }

    /// Creates one and returns its id.
    pub async fn created(&self, body: &Value) -> String {
        let answer = self.post(body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn ids(&self) -> Vec<String> {
        let list = self.get("/subscriptions").await.json();
        list.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// What an administrator is answered.
pub async fn as_admin(base: &str, path: &str) -> Answer {
    let headers = [("authorization", "Bearer token-of-admin")];
    CheckedClient::new().get(&format!("{base}{path}"), &headers).await.unwrap()
}

/// A valid creation.
pub fn wish() -> Value {
    json!({
        "event": "FLIGHT_CREATE",
        "callbackUrl": "https://receiver.example/hook",
        "signingKey": "your-secret-signing-key-123",
    })
}

/// Waits until there is something.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn sha256(token: &str) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
