//! The store in Redis: eight keys per partition, one script per operation.

mod link;
mod outage;
mod packed;
mod policy;
mod scripts;

use crate::{Store, StoreUnfit};
use aerogram_domain::store::{StoreOp, StoreReply};
use aerogram_settings::RedisSettings;
pub use link::{Link, LinkFailure};
use outage::Outage;
use scripts::{Keys, Scripts, command_of};

/// The store in Redis. All partitions share one connection.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    scripts: Scripts,
    outage: Outage,
    key_prefix: String,
}

impl RedisStore {
    /// Must be called inside a Tokio runtime. It does not connect: the first command does, and each that follows a
    /// failure does again.
    ///
    /// # Errors
    /// [`StoreUnfit::Address`] when `redis.url` names no Redis.
    pub fn open(settings: &RedisSettings) -> Result<Self, StoreUnfit> {
        let link = Link::open(&settings.url, settings.command_timeout_ms)
            .map_err(|error| StoreUnfit::Address { reason: error.to_string() })?;
        let (scripts, outage) = (Scripts::default(), Outage::default());
        Ok(Self { link, scripts, outage, key_prefix: settings.key_prefix.clone() })
    }
}

impl Store for RedisStore {
    async fn execute(&self, partition: i32, op: StoreOp) -> StoreReply {
        let command = command_of(&op);
        let keys = Keys::of(&self.key_prefix, partition);
        let invocation = self.scripts.invocation(&keys, op);
        let reply = self
            .link
            .run(command, |mut connection| async move { invocation.invoke_async(&mut connection).await })
            .await
            .and_then(scripts::decode);
        match reply {
            Ok(reply) => {
                self.outage.answered(self.link.address());
                reply
            }
            Err(failure) => {
                self.outage.failed(self.link.address(), command, partition, &failure);
                StoreReply::Down
            }
        }
    }

    async fn check(&self) -> Result<(), StoreUnfit> {
        policy::check(&self.link).await
    }
}
