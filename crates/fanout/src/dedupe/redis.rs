//! In Redis: one key an identity, with an expiry.

use super::{Dedupe, DedupeError};
use crate::options::DedupeOptions;
use aerogram_domain::identity::{IdentityHash, Position};
use aerogram_state::{Link, LinkFailure};
use futures::future::BoxFuture;
use redis::Pipeline;
use std::fmt::Write as _;

pub struct RedisDedupe {
    link: Link,
    key_prefix: String,
    ttl_ms: u64,
}

impl RedisDedupe {
    /// Connects when first asked.
    ///
    /// # Errors
    /// The URL is wrong.
    pub(crate) fn open(options: &DedupeOptions) -> Result<Self, DedupeError> {
        let answer_within_ms = u64::try_from(options.answer_within.as_millis()).unwrap_or(u64::MAX);
        Ok(Self {
            link: Link::open(&options.url, answer_within_ms).map_err(DedupeError::Url)?,
            key_prefix: format!("{}:dedupe:", options.key_prefix),
            ttl_ms: u64::try_from(options.ttl.as_millis()).unwrap_or(u64::MAX).max(1),
        })
    }

    /// A connection that was lost shows only when it is used, and the next use makes a new one: so twice. Asking again
    /// is harmless, for what the first try may have remembered are the own positions.
    async fn query(&self, pipe: &Pipeline) -> Result<Vec<Option<String>>, LinkFailure> {
        let once = || {
            self.link.run("dedupe", |mut connection| async move { pipe.query_async(&mut connection).await })
        };
        match once().await {
            Err(LinkFailure::Redis(error)) if error.is_io_error() || error.is_connection_dropped() => {
                once().await
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
            let found = self.query(&pipe).await?;
            Ok(found.iter().map(|text| text.as_deref().and_then(Position::decode)).collect())
        })
    }
}
