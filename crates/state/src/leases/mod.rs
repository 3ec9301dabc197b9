//! Tokens of rate limits that all deliverers share, leased from Redis: one key a limit, one script, the clock of Redis.
//!
//! Losing a key costs one burst; a Redis that is away or full grants nothing, and each process goes on with its share.

use crate::StoreUnfit;
use crate::redis::{Link, LinkFailure};
use aerogram_domain::limits::{Ask, Key, Lease};
use aerogram_settings::Settings;
use redis::Script;
use std::sync::atomic::{AtomicBool, Ordering};

const COMMAND: &str = "lease";

/// Where tokens are leased.
#[derive(Debug)]
pub struct Leases {
    link: Link,
    script: Script,
    key_prefix: String,
    /// The last question was not answered, and that was said.
    said_down: AtomicBool,
}

impl Leases {
    /// In the Redis of `settings`. Must be called inside a Tokio runtime. It does not connect: the first question does, and
    /// each that follows a failure does again.
    ///
    /// # Errors
    /// [`StoreUnfit::Address`] when `redis.url` names no Redis.
    pub fn open(settings: &Settings) -> Result<Self, StoreUnfit> {
        let link = Link::open(&settings.redis.url, settings.redis.command_timeout_ms)
            .map_err(|error| StoreUnfit::Address { reason: error.to_string() })?;
        // Two installations may share a Redis, as while one is drained into another.
        let key_prefix = format!("{}:{}", settings.redis.key_prefix, settings.kafka.topic_prefix);
        let script = Script::new(include_str!("../lua/lease.lua"));
        Ok(Self { link, script, key_prefix, said_down: AtomicBool::new(false) })
    }

    /// Leases what is there of the tokens asked for. `None`: Redis is away, or full; whether it granted them is unknown, and
    /// they count as not granted.
    pub async fn lease(&self, ask: &Ask) -> Option<Lease> {
        let (kind, name) = match &ask.key {
            Key::Subscription(id) => ("sub", id),
            Key::Host(host) => ("host", host),
        };
        let mut call = self.script.key(format!("{}:limit:{kind}:{name}", self.key_prefix));
        call.arg(ask.rate.interval_us()).arg(ask.rate.burst()).arg(ask.want);
        let answer: Result<(u32, i64), LinkFailure> = self
            .link
            .run(COMMAND, |mut connection| async move { call.invoke_async(&mut connection).await })
            .await;
        match answer {
            Ok((granted, next_in_ms)) => {
                self.answered();
                Some(Lease { granted, next_in_ms })
            }
            Err(failure) => {
                self.failed(&failure);
                None
            }
        }
    }

    fn answered(&self) {
        if self.said_down.swap(false, Ordering::Relaxed) {
            tracing::info!(address = self.link.address(), "rate limits are shared by all deliverers again");
        }
    }

    /// Once for each time that it goes away: every limit asks again.
    fn failed(&self, failure: &LinkFailure) {
        if !self.said_down.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                address = self.link.address(), %failure,
                "Redis grants no tokens of rate limits; until it does each deliverer keeps to its share of them by itself"
            );
        }
    }
}
