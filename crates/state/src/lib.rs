//! What roles keep in Redis: the tokens of rate limits ([`Leases`]), and
//! the scheduler's store: one trait, in Redis and in memory. What an operation means is
//! [`aerogram_domain::store::execute`]; both are held to it by one suite of contract tests.

mod any;
mod leases;
mod memory;
mod redis;
mod unfit;

pub use self::redis::{Link, LinkFailure, RedisStore};
pub use any::AnyStore;
pub use leases::Leases;
pub use memory::MemoryStore;
pub use unfit::StoreUnfit;

use aerogram_domain::store::{StoreOp, StoreReply};
use std::future::Future;

/// The store of all partitions of `pending`. It is a projection of the log: losing it costs a refold, nothing else.
pub trait Store: Send + Sync {
    /// Carries out `op` on the store of `partition`, all of it or nothing. [`StoreReply::Full`] and
    /// [`StoreReply::Down`] are the only signs of trouble; after the latter the operation may have happened, or may still
    /// happen, and the guard of the next one tells.
    fn execute(&self, partition: i32, op: StoreOp) -> impl Future<Output = StoreReply> + Send;

    /// Whether the store answers and keeps what it is given.
    ///
    /// # Errors
    /// What is wrong and what to do about it; after [`StoreUnfit::Unreachable`] asking again may help.
    fn check(&self) -> impl Future<Output = Result<(), StoreUnfit>> + Send;
}
