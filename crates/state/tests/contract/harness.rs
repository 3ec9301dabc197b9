//! Runs a scenario against each store.

use crate::ops::{OWNER, apply, guard, take_over, taken_over};
use aerogram_domain::store::{Change, Payloads, StoreOp, StoreReply};
use aerogram_settings::{RedisSettings, Settings};
use aerogram_state::AnyStore;
use redis::aio::MultiplexedConnection;
use secrecy::SecretString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Long enough for the largest batch on a busy machine.
const COMMAND_TIMEOUT_MS: u64 = 60_000;

/// The keys of a partition.
pub const NAMES: [&str; 8] = ["meta", "entries", "values", "due", "fired", "parked", "lanes", "names"];

/// A store under test.
pub struct Subject {
    pub store: AnyStore,
    redis: Option<(MultiplexedConnection, String)>,
}

impl Subject {
    fn memory() -> Self {
        Self { store: AnyStore::memory(), redis: None }
    }

    /// In the Redis at `url`, under a prefix of its own.
    pub async fn redis_at(url: &str) -> Self {
        let settings = settings(url, COMMAND_TIMEOUT_MS);
        let connection = connection(url).await;
        let store = AnyStore::redis(&settings).unwrap();
        // An installation is told apart by its topics, too.
        let key_prefix = format!("{}:{}", settings.redis.key_prefix, settings.kafka.topic_prefix);
        Self { store, redis: Some((connection, key_prefix)) }
    }

    /// What it answers, without where payloads are.
    pub async fn run(&self, op: StoreOp) -> StoreReply {
        match self.run_whole(op).await {
            StoreReply::Applied { pending, lanes, .. } => {
                StoreReply::Applied { pending, lanes, payloads: Payloads::default() }
            }
            reply => reply,
        }
    }

    pub async fn run_whole(&self, op: StoreOp) -> StoreReply {
        self.store.execute(0, op).await
    }

    /// Takes over at time 0 as [`OWNER`] and applies `changes` up to offset 10.
    pub async fn begin(&self, changes: Vec<Change>, pending: usize) {
        assert_eq!(self.run(take_over(OWNER, 0)).await, taken_over(-1, 0));
        let reply = self.run(apply(guard(OWNER, -1), 0, 10, changes)).await;
        assert!(matches!(reply, StoreReply::Applied { pending: n, .. } if n == pending), "{reply:?}");
    }

    /// Deletes all that is stored for a partition, as FLUSHALL would; in memory, for all partitions.
    pub async fn wipe(&mut self, partition: i32) {
        if self.redis.is_none() {
            self.store = AnyStore::memory();
        }
        for name in NAMES {
            self.delete(partition, name).await;
        }
    }

    /// Deletes one key of a partition.
    pub async fn delete(&mut self, partition: i32, name: &str) {
        if let Some((connection, prefix)) = &mut self.redis {
            let key = format!("{{{prefix}:pending:{partition}}}:{name}");
            redis::cmd("DEL").arg(key).exec_async(connection).await.unwrap();
        }
    }

    /// Writes to one key of partition 0 past the store.
    pub async fn tamper(&mut self, command: &str, name: &str, args: &[&str]) {
        let (connection, prefix) = self.redis.as_mut().expect("it is in Redis");
        let key = format!("{{{prefix}:pending:0}}:{name}");
        redis::cmd(command).arg(key).arg(args).exec_async(connection).await.unwrap();
    }
}

/// The Redis of this run.
pub fn redis_url() -> String {
    std::env::var("AEROGRAM_TEST_REDIS").expect(
        "AEROGRAM_TEST_REDIS must name the Redis to test against (redis://HOST:PORT): run the tests with `make test`",
    )
}

/// Settings that no other test shares keys with.
pub fn settings(url: &str, command_timeout_ms: u64) -> Settings {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // The time as well, for a Redis outlives the run that failed and left keys, and process ids come again.
    let begun_ns = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let key_prefix = format!("contract-{}-{begun_ns}-{number}", std::process::id());
    let url = SecretString::from(url);
    Settings {
        redis: RedisSettings { url, key_prefix, command_timeout_ms, ..RedisSettings::default() },
        ..Settings::default()
    }
}

pub async fn connection(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap_or_else(|error| {
        panic!("Redis at {url} cannot be reached ({error}): run the tests with `make test`")
    })
}

/// Runs `scenario`, which uses partition 0, in memory and in Redis.
pub async fn on_both(scenario: impl AsyncFn(&mut Subject)) {
    scenario(&mut Subject::memory()).await;
    let mut subject = Subject::redis_at(&redis_url()).await;
    scenario(&mut subject).await;
    subject.wipe(0).await;
}
