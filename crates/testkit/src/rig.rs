//! What one test stands on: the run's Kafka and Redis, names of its own in them, a directory of its own.

use crate::ca::Ca;
use crate::process::Role;
use crate::upstream::Upstream;
use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use redis::aio::MultiplexedConnection;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, thread};
use tempfile::TempDir;

const KAFKA: &str = "AEROGRAM_TEST_KAFKA";
const REDIS: &str = "AEROGRAM_TEST_REDIS";
const DIR: &str = "AEROGRAM_TEST_DIR";
const CLEANUP: Duration = Duration::from_secs(10);

/// The ground of one test. Declare it first, so that it is dropped last: it removes the topics of its prefix then.
pub struct Rig {
    brokers: String,
    redis_url: String,
    prefix: String,
    dir: PathBuf,
    temporary: Option<TempDir>,
}

impl Rig {
    /// Takes Kafka and Redis from `AEROGRAM_TEST_KAFKA` (`host:port`) and `AEROGRAM_TEST_REDIS` (`redis://…`).
    ///
    /// # Panics
    /// One of them is not set: a test without its brokers has failed, it is not to be skipped.
    pub fn from_env(test: &str) -> Self {
        let var = |name: &str| match env::var(name) {
            Ok(value) if !value.is_empty() => value,
            _ => panic!(
                "{name} is not set: run the tests with `make test`, which starts Kafka and Redis for them"
            ),
        };
        match Self::new(test, var(KAFKA), var(REDIS)) {
            Ok(rig) => rig,
            Err(error) => panic!("no directory for the test {test}: {error:#}"),
        }
    }

    fn new(test: &str, brokers: String, redis_url: String) -> Result<Self> {
        let name: String = test.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let prefix = format!("{name}-{:08x}", fastrand::u32(..));
        // In the run's directory everything stays until the next run, to be looked at; elsewhere only what failed.
        let (dir, temporary) = if let Some(parent) = env::var_os(DIR) {
            let dir = PathBuf::from(parent).join(&prefix);
            fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
            (dir, None)
        } else {
            let temporary = tempfile::Builder::new().prefix(&format!("aerogram-{prefix}-")).tempdir()?;
            (temporary.path().to_path_buf(), Some(temporary))
        };
        Ok(Self { brokers, redis_url, prefix, dir, temporary })
    }

    /// Kafka's bootstrap servers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Redis' URL.
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// The prefix of this test's topics and Redis keys, without the separator that follows it.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A topic name of this test's own; it is removed with the others.
    pub fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Where logs and files of this test go.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A certificate authority in this test's directory.
    ///
    /// # Errors
    /// As [`Ca::new`].
    pub fn ca(&self) -> Result<Ca> {
        Ca::new(&self.dir)
    }

    /// The settings that tie a role to this test: brokers, and names of its own for all that roles share on them.
    pub fn env(&self) -> Vec<(String, String)> {
        let settings = [("KAFKA__BROKERS", &self.brokers), ("REDIS__URL", &self.redis_url)];
        let named = ["KAFKA__TOPIC_PREFIX", "REDIS__KEY_PREFIX", "API__TRANSACTIONAL_ID_PREFIX"];
        // Consumer groups do not carry the topic prefix: tests side by side would take each other's partitions.
        let groups = ["ingest", "fanout", "deliverer", "scheduler", "api"]
            .map(|role| (format!("{}__GROUP", role.to_uppercase()), format!("{}-{role}", self.prefix)));
        let fixed = settings.into_iter().chain(named.map(|name| (name, &self.prefix)));
        fixed
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .chain(groups)
            .map(|(name, value)| (format!("AEROGRAM_{name}"), value))
            .collect()
    }

    /// A role binary with the settings of this test.
    pub fn role(&self, binary: &str) -> Role {
        Role::new(binary, &self.dir).envs(self.env())
    }

    /// A producer of upstream records.
    ///
    /// # Errors
    /// As [`Upstream::new`].
    pub fn upstream(&self) -> Result<Upstream> {
        Upstream::new(&self.brokers)
    }

    /// A connection to the run's Redis. FLUSHALL there hits every test of the run; see [`Rig::wipe_redis`].
    ///
    /// # Errors
    /// No connection.
    pub async fn redis(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.redis_url.as_str())?;
        Ok(client.get_multiplexed_async_connection().await?)
    }

    /// Removes this test's keys from Redis in one step, and says how many there were.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn wipe_redis(&self) -> Result<u64> {
        let script = "local keys = redis.call('KEYS', ARGV[1])
            for _, key in ipairs(keys) do redis.call('DEL', key) end
            return #keys";
        let mut connection = self.redis().await?;
        let pattern = format!("*{}*", self.prefix);
        Ok(redis::cmd("EVAL").arg(script).arg(0).arg(pattern).query_async(&mut connection).await?)
    }

    /// The names of all topics of this test.
    ///
    /// # Errors
    /// Kafka does not answer within 10 s.
    pub fn topics(&self) -> Result<Vec<String>> {
        own_topics(&admin_client(&self.brokers)?, &self.prefix)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.as_mut().filter(|_| thread::panicking()) {
            temporary.disable_cleanup(true);
            eprintln!("the logs of the failed test are kept in {}", self.dir.display());
        }
        let (brokers, prefix) = (self.brokers.clone(), self.prefix.clone());
        // A thread of its own, because a runtime cannot be entered from within another. The brokers are thrown away
        // after the run: an error here costs memory and nothing else, but it is said.
        match thread::spawn(move || delete_topics(&brokers, &prefix)).join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("the topics of {} were not removed: {error:#}", self.prefix),
            Err(_) => eprintln!("the topics of {} were not removed: the thread panicked", self.prefix),
        }
    }
}

fn admin_client(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", brokers).create()?)
}

fn own_topics(admin: &AdminClient<DefaultClientContext>, prefix: &str) -> Result<Vec<String>> {
    let metadata = admin.inner().fetch_metadata(None, CLEANUP)?;
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    Ok(names.filter(|name| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))).collect())
}

fn delete_topics(brokers: &str, prefix: &str) -> Result<()> {
    let admin = admin_client(brokers)?;
    let names = own_topics(&admin, prefix)?;
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let options = AdminOptions::new().operation_timeout(Some(CLEANUP)).request_timeout(Some(CLEANUP));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for result in runtime.block_on(admin.delete_topics(&names, &options))? {
        result.map_err(|(name, code)| anyhow::anyhow!("{name}: {code}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rig(test: &str) -> Rig {
        let port = crate::ports::free_port().unwrap();
        Rig::new(test, format!("127.0.0.1:{port}"), "redis://127.0.0.1:1".to_owned()).unwrap()
    }

    #[test]
    fn names_are_of_one_test_and_fit_kafka() {
        // Never dropped: nobody listens there, and the clean-up would wait for it.
        let rigs = [rig("late retry_1"), rig("late retry_1")].map(std::mem::ManuallyDrop::new);
        assert!(rigs[0].prefix().starts_with("late-retry-1-"), "{}", rigs[0].prefix());
        assert_ne!(rigs[0].prefix(), rigs[1].prefix());
        assert_eq!(rigs[0].topic("flights"), format!("{}.flights", rigs[0].prefix()));
        let (first, second) = (rigs[0].env(), rigs[1].env());
        let shared: Vec<_> =
            first.iter().filter(|pair| second.contains(pair)).map(|(name, _)| name).collect();
        assert_eq!(shared, ["AEROGRAM_REDIS__URL"]);
        for rig in &rigs {
            fs::remove_dir_all(rig.dir()).unwrap();
        }
    }
}
