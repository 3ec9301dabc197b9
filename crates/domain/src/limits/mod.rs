//! What a receiver is asked for at most: rates of subscriptions and of destination hosts, requests open at once, time for one
//! request; and the bytes that a process may hold. A limit delays, it never drops.
//!
//! [`terms`]: which limits are in force for a subscription. [`limiter`]: tokens, leased from what all deliverers share, several at
//! a time, so that the way of a request pays no round trip. [`budget`]: bytes that all partitions of a process share.

mod budget;
mod limiter;
mod purse;
mod rate;
mod terms;

pub use budget::{Budget, Held};
pub use limiter::{Ask, Limiter, Member, Wait, lock};
pub use rate::{Gcra, Lease, Rate};
pub use terms::{Installation, Terms, host_of};

use std::sync::Arc;

/// What a limit is about.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A subscription, by its id.
    Subscription(Arc<str>),
    /// A destination, by its name or by name and port, shared by all subscriptions that lead there.
    Host(Arc<str>),
}

impl Key {
    /// The name of its kind in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Key::Subscription(_) => "subscription",
            Key::Host(_) => "host",
        }
    }
}

/// A rate, and what it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    pub key: Key,
    pub rate: Rate,
}
