//! In memory: for one process, and gone with it. What it held is read from the log again, see [`super::recall`].

use super::{Dedupe, DedupeError};
use aerogram_domain::identity::{IdentityHash, Position};
use futures::future::{BoxFuture, ready};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// About 100 bytes each; beyond this the oldest are forgotten before their time.
pub const IDENTITIES_MAX: usize = 1_000_000;

pub struct MemoryDedupe {
    ttl: Duration,
    identities_max: usize,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    first: HashMap<IdentityHash, Position>,
    /// Oldest first.
    expiry: VecDeque<(Instant, IdentityHash)>,
}

impl MemoryDedupe {
    pub fn new(ttl: Duration) -> Self {
        Self::with_capacity(ttl, IDENTITIES_MAX)
    }

    pub(super) fn with_capacity(ttl: Duration, identities_max: usize) -> Self {
        Self { ttl, identities_max: identities_max.max(1), remembered: Mutex::default() }
    }

    /// How long an identity is remembered.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Remembers what was seen `age` ago, unless it is remembered already.
    pub fn recall(&self, identity: IdentityHash, own: Position, age: Duration) {
        let now = Instant::now();
        if let Some(left) = self.ttl.checked_sub(age) {
            self.remembered().first_position(identity, own, now, left, self.identities_max);
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    /// The position remembered before; if none, `own` is from now on.
    fn first_position(
        &mut self,
        identity: IdentityHash,
        own: Position,
        now: Instant,
        ttl: Duration,
        identities_max: usize,
    ) -> Option<Position> {
        self.forget(now, identities_max - 1);
        let before = self.first.get(&identity).copied();
        if before.is_none() {
            self.first.insert(identity, own);
            // A time that no clock shows is never reached.
            if let Some(expires) = now.checked_add(ttl) {
                self.expiry.push_back((expires, identity));
            }
        }
        before
    }

    fn forget(&mut self, now: Instant, leave_at_most: usize) {
        while let Some((_, identity)) =
            self.expiry.pop_front_if(|(expires, _)| *expires <= now || self.first.len() > leave_at_most)
        {
            self.first.remove(&identity);
        }
    }
}

impl Dedupe for MemoryDedupe {
    fn remember<'a>(
        &'a self,
        asked: &'a [(IdentityHash, Position)],
    ) -> BoxFuture<'a, Result<Vec<Option<Position>>, DedupeError>> {
        let now = Instant::now();
        let mut remembered = self.remembered();
        let found = asked
            .iter()
            .map(|(identity, own)| {
                remembered.first_position(*identity, *own, now, self.ttl, self.identities_max)
            })
            .collect();
        Box::pin(ready(Ok(found)))
    }
}
