//! The store that the configuration chose.

use crate::{MemoryStore, RedisStore, Store, StoreUnfit};
use aerogram_domain::store::{StoreOp, StoreReply};
use aerogram_settings::{RedisSettings, Settings};

/// A store whose kind is chosen at start.
#[derive(Debug)]
pub enum AnyStore {
    /// In this process, for a single instance.
    Memory(MemoryStore),
    /// Shared, and kept over restarts.
    Redis(Box<RedisStore>),
}

impl AnyStore {
    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::default())
    }

    /// The store in the Redis of `settings`, as [`RedisStore::open`] opens it.
    ///
    /// # Errors
    /// [`StoreUnfit::Address`] when `redis.url` names no Redis.
    pub fn redis(settings: &Settings) -> Result<Self, StoreUnfit> {
        // Two installations may share a Redis, as while one is drained into another.
        let key_prefix = format!("{}:{}", settings.redis.key_prefix, settings.kafka.topic_prefix);
        RedisStore::open(&RedisSettings { key_prefix, ..settings.redis.clone() })
            .map(|store| Self::Redis(Box::new(store)))
    }

    /// See [`Store::execute`].
    pub async fn execute(&self, partition: i32, op: StoreOp) -> StoreReply {
        match self {
            Self::Memory(store) => store.execute(partition, op).await,
            Self::Redis(store) => store.execute(partition, op).await,
        }
    }

    /// See [`Store::check`].
    ///
    /// # Errors
    /// What is wrong and what to do about it; after [`StoreUnfit::Unreachable`] asking again may help.
    pub async fn check(&self) -> Result<(), StoreUnfit> {
        match self {
            Self::Memory(store) => store.check().await,
            Self::Redis(store) => store.check().await,
        }
    }
}

impl Store for AnyStore {
    async fn execute(&self, partition: i32, op: StoreOp) -> StoreReply {
        Self::execute(self, partition, op).await
    }

    async fn check(&self) -> Result<(), StoreUnfit> {
        Self::check(self).await
    }
}
