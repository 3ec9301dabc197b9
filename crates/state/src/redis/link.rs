//! The connection: made when first needed, made again after every failure, and never waited for longer than a command
//! may take.

use aerogram_telemetry::names::REDIS_COMMAND_DURATION_SECONDS;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError, RedisResult};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why a command has no answer that can be used. Whether it was carried out is unknown.
#[derive(Debug, thiserror::Error)]
pub enum LinkFailure {
    /// It took too long.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// It was refused, or the connection is no good.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// It answered something else.
    #[error("an answer that is not one of Aerogram's scripts' ({0})")]
    Answer(&'static str),
}

impl LinkFailure {
    /// Redis is there and refused this command.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Redis(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension))
    }
}

/// A connection to Redis that renews itself; all who use it share it.
pub struct Link {
    client: Client,
    config: ConnectionManagerConfig,
    current: Mutex<Current>,
    command_timeout_ms: u64,
    address: String,
}

struct Current {
    generation: u64,
    manager: ConnectionManager,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the password.
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Link {
    /// It does not connect: the first command does, and each that follows a failure does again. Must be called inside a
    /// Tokio runtime.
    ///
    /// # Errors
    /// The URL names no Redis.
    pub fn open(url: &SecretString, command_timeout_ms: u64) -> RedisResult<Self> {
        let client = Client::open(url.expose_secret())?;
        let timeout = Some(Duration::from_millis(command_timeout_ms));
        // The caller asks again after a pause of its own, so nothing is retried here.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(timeout)
            .set_response_timeout(timeout)
            .set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        let address = client.get_connection_info().addr().to_string();
        let current = Mutex::new(Current { generation: 0, manager });
        Ok(Self { client, config, current, command_timeout_ms, address })
    }

    /// Host and port, without user and password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Runs `work` on the connection, for at most the time a command may take. `command` is the label of its metric.
    ///
    /// # Errors
    /// No answer, or none that is of use; whether it was carried out is unknown.
    pub async fn run<T, W, F>(&self, command: &'static str, work: W) -> Result<T, LinkFailure>
    where
        W: FnOnce(ConnectionManager) -> F,
        F: Future<Output = RedisResult<T>>,
    {
        let (generation, manager) = {
            let current = self.current();
            (current.generation, current.manager.clone())
        };
        let begun = Instant::now();
        let limit = Duration::from_millis(self.command_timeout_ms);
        let outcome = tokio::time::timeout(limit, work(manager)).await;
        metrics::histogram!(REDIS_COMMAND_DURATION_SECONDS, "command" => command)
            .record(begun.elapsed().as_secs_f64());
        let failure = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => LinkFailure::Redis(error),
            Err(_) => LinkFailure::Timeout(self.command_timeout_ms),
        };
        self.renew(generation);
        Err(failure)
    }

    /// The connection manager reconnects by itself only when it saw the connection break. One that fell silent it keeps
    /// using, and once refused while connecting, as for a password that Redis does not know yet, it never tries again.
    /// So what failed is replaced, whatever the failure was.
    fn renew(&self, failed: u64) {
        let mut current = self.current();
        if current.generation != failed {
            return;
        }
        // Fails only for settings that `open` has seen to be good.
        if let Ok(manager) = ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
        {
            *current = Current { generation: failed + 1, manager };
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
