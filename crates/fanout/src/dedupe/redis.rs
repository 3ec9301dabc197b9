//! In Redis: one key an identity, with an expiry.

use super::{Dedupe, DedupeError};
use crate::options::DedupeOptions;
use aerogram_domain::identity::{IdentityHash, Position};
use aerogram_telemetry::names;
use futures::future::BoxFuture;
use redis::{
    Client, Pipeline, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret as _;
use std::{fmt::Write as _, time::Duration, time::Instant};
use tokio::time::timeout;

pub struct RedisDedupe {
    connection: ConnectionManager,
    key_prefix: String,
    ttl_ms: u64,
    answer_within: Duration,
}

impl RedisDedupe {
    /// Connects when first asked.
    ///
    /// # Errors
    /// The URL is wrong.
    pub(crate) fn open(options: &DedupeOptions) -> Result<Self, DedupeError> {
        let client = Client::open(options.url.expose_secret()).map_err(DedupeError::Url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(options.answer_within))
            .set_response_timeout(Some(options.answer_within))
            .set_number_of_retries(0);
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config).map_err(DedupeError::Url)?,
            key_prefix: format!("{}:dedupe:", options.key_prefix),
            ttl_ms: u64::try_from(options.ttl.as_millis()).unwrap_or(u64::MAX).max(1),
            answer_within: options.answer_within,
        })
    }

    /// A connection that was lost shows only when it is used, and the next use makes a new one: so twice. Asking again
    /// is harmless, for what the first try may have remembered are the own positions.
    async fn query(&self, pipe: &Pipeline) -> RedisResult<Vec<Option<String>>> {
        let mut connection = self.connection.clone();
        match pipe.query_async(&mut connection).await {
            Err(error) if error.is_io_error() || error.is_connection_dropped() => {
                pipe.query_async(&mut connection).await
            }
            answered => answered,
        }
    }

    fn key(&self, identity: &IdentityHash) -> String {
        let mut key = String::with_capacity(self.key_prefix.len() + 2 * identity.len());
        key.push_str(&self.key_prefix);
        for byte in identity {
            // Writing to a String never fails.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

impl Dedupe for RedisDedupe {
    fn remember<'a>(
        &'a self,
        asked: &'a [(IdentityHash, Position)],
    ) -> BoxFuture<'a, Result<Vec<Option<Position>>, DedupeError>> {
        Box::pin(async move {
            if asked.is_empty() {
                return Ok(Vec::new());
            }
            let mut pipe = Pipeline::with_capacity(asked.len());
            for (identity, own) in asked {
                // NX together with GET is known since Redis 7.0.
                pipe.cmd("SET")
                    .arg(self.key(identity))
                    .arg(own.encode())
                    .arg("NX")
                    .arg("GET")
                    .arg("PX")
                    .arg(self.ttl_ms);
            }
            let began = Instant::now();
            let answer = timeout(self.answer_within, self.query(&pipe)).await;
            metrics::histogram!(names::REDIS_COMMAND_DURATION_SECONDS, "command" => "dedupe")
                .record(began.elapsed().as_secs_f64());
            let found = answer.map_err(|_| DedupeError::TimedOut(self.answer_within))??;
            Ok(found.iter().map(|text| text.as_deref().and_then(Position::decode)).collect())
        })
    }
}
