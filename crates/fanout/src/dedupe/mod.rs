//! Where identities of events are remembered, to find duplicates.

mod memory;
mod recall;
mod redis;
#[cfg(test)]
mod tests;

pub use memory::MemoryDedupe;
pub use redis::RedisDedupe;

use crate::options::DedupeOptions;
use aerogram_domain::identity::{IdentityHash, Position};
use aerogram_kafka::{Companions, Ends, ReadError};
use aerogram_settings::Store;
use aerogram_state::LinkFailure;
use aerogram_wire::Layout;
use futures::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// After a failure the store is left alone this long, so that a dead one does not slow every batch.
const PAUSE: Duration = Duration::from_secs(1);

/// The store could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum DedupeError {
    #[error("redis.url cannot be used: {0}")]
    Url(::redis::RedisError),
    #[error("Redis: {0}")]
    Redis(#[from] LinkFailure),
}

/// Remembers the first position of each identity for a time.
pub trait Dedupe: Send + Sync {
    /// For each identity, in this order: the position that was remembered before; when there is none, its own is
    /// remembered from now on. Asking again with the same position gives that position.
    ///
    /// # Errors
    /// Nothing is known; some of the positions may be remembered nevertheless.
    fn remember<'a>(
        &'a self,
        asked: &'a [(IdentityHash, Position)],
    ) -> BoxFuture<'a, Result<Vec<Option<Position>>, DedupeError>>;
}

/// The store, and what happens when it fails: events go on unchecked, said once.
#[derive(Clone)]
pub struct Duplicates {
    store: Arc<dyn Dedupe>,
    /// The store, when it is the one that forgets everything with the process.
    memory: Option<Arc<MemoryDedupe>>,
    failed_at: Arc<Mutex<Option<Instant>>>,
}

impl Duplicates {
    /// # Errors
    /// The URL of Redis is wrong. That Redis is down is none.
    pub fn open(options: &DedupeOptions) -> Result<Self, DedupeError> {
        let failed_at = Arc::default();
        Ok(match options.store {
            Store::Redis => Self { store: Arc::new(RedisDedupe::open(options)?), memory: None, failed_at },
            Store::Memory => {
                let memory = Arc::new(MemoryDedupe::new(options.ttl));
                Self { store: memory.clone(), memory: Some(memory), failed_at }
            }
        })
    }

    /// Before the first batch of a partition: brings back what a store that ended with its process knew of the events
    /// before `upto`.
    ///
    /// # Errors
    /// `events` cannot be read.
    pub async fn recall(
        &self,
        companions: &Companions,
        ends: &Ends,
        partition: i32,
        layout: &Layout,
        upto: i64,
    ) -> Result<(), ReadError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let (partitions, layout_id) = (layout.event_partitions, layout.layout_id.as_str());
        recall::recall(memory, companions, ends, partition, partitions, upto, layout_id).await
    }

    /// As [`Dedupe::remember`]; `None`: the store could not be asked, so nothing is known to be a duplicate.
    pub async fn remember(&self, asked: &[(IdentityHash, Position)]) -> Option<Vec<Option<Position>>> {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        let answer = self.store.remember(asked).await;
        let mut state = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(found) => {
                if state.take().is_some() {
                    tracing::info!("the store of duplicates answers again");
                }
                Some(found)
            }
            Err(error) => {
                if state.replace(Instant::now()).is_none() {
                    tracing::warn!(
                        "events go on without being checked for duplicates until the store answers: {error}"
                    );
                }
                None
            }
        }
    }
}
