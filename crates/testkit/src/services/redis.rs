//! What becomes of a Redis of a test's own: it forgets, goes back in time, is killed, gets less memory.

use super::Service;
use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

impl Service {
    /// Makes a Redis start with this `maxmemory`, in bytes, instead of none.
    #[must_use]
    pub fn with_max_memory_bytes(mut self, bytes: u64) -> Self {
        self.env.push(("REDIS_MAXMEMORY".to_owned(), bytes.to_string()));
        self
    }

    /// Its URL, `redis://127.0.0.1:port`.
    pub fn redis_url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// A connection to it.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn connection(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(self.redis_url())?;
        Ok(client.get_multiplexed_async_connection().await?)
    }

    /// FLUSHALL.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn flush_all(&self) -> Result<()> {
        Ok(redis::cmd("FLUSHALL").exec_async(&mut self.connection().await?).await?)
    }

    /// Writes what it has to disk; it comes back with that when it is started again.
    ///
    /// # Errors
    /// It does not answer, or cannot write.
    pub async fn save(&self) -> Result<()> {
        Ok(redis::cmd("SAVE").exec_async(&mut self.connection().await?).await?)
    }

    /// How many keys it has.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn keys(&self) -> Result<u64> {
        Ok(redis::cmd("DBSIZE").query_async(&mut self.connection().await?).await?)
    }

    /// A number of `INFO`, such as `used_memory`.
    ///
    /// # Errors
    /// It does not answer, or tells no such number.
    pub async fn told(&self, name: &str) -> Result<u64> {
        let info: String = redis::cmd("INFO").arg("all").query_async(&mut self.connection().await?).await?;
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO does not tell {name}"))?.trim().parse()?)
    }

    /// CONFIG SET.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub async fn configure(&self, name: &str, value: &str) -> Result<()> {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        Ok(set.exec_async(&mut self.connection().await?).await?)
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill9(&self) -> Result<()> {
        let file = self.dir.join(format!("{}.pid", self.kind));
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let pid = Pid::from_raw(text.trim().parse()?).context("no process id")?;
        Ok(kill_process(pid, Signal::KILL)?)
    }
}

/// All keys of a Redis as they were at a moment.
pub struct Snapshot(Vec<(Vec<u8>, i64, Vec<u8>)>);

impl Snapshot {
    /// Of this moment.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn take(redis: &Service) -> Result<Self> {
        let script = "local all = {}
            for i, key in ipairs(redis.call('KEYS', '*')) do
                all[i] = {key, redis.call('PTTL', key), redis.call('DUMP', key)}
            end
            return all";
        let mut taking = redis::cmd("EVAL");
        taking.arg(script).arg(0);
        Ok(Self(taking.query_async(&mut redis.connection().await?).await?))
    }

    /// Whether there was no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets it back to what it was then, in one step: keys that came since are gone.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn restore(&self, redis: &Service) -> Result<()> {
        let mut all = redis::pipe();
        all.atomic().cmd("FLUSHALL").ignore();
        for (key, ttl_ms, value) in &self.0 {
            // Without an expiry PTTL says -1, and RESTORE takes 0.
            all.cmd("RESTORE").arg(key).arg((*ttl_ms).max(0)).arg(value).ignore();
        }
        Ok(all.exec_async(&mut redis.connection().await?).await?)
    }
}
