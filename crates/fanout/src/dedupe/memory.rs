//! In memory: for one process, and gone with it.

use super::{Dedupe, DedupeError};
use aerogram_domain::identity::{IdentityHash, Position};
use futures::future::{BoxFuture, ready};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// About 100 bytes each; beyond this the oldest are forgotten before their time.
const IDENTITIES_MAX: usize = 1_000_000;

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
}

impl Remembered {
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
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::with_capacity(asked.len());
        for (identity, own) in asked {
            remembered.forget(now, self.identities_max - 1);
            let before = remembered.first.get(identity).copied();
            if before.is_none() {
                remembered.first.insert(*identity, *own);
                // A time that no clock shows is never reached.
                if let Some(expires) = now.checked_add(self.ttl) {
                    remembered.expiry.push_back((expires, *identity));
                }
            }
            found.push(before);
        }
        Box::pin(ready(Ok(found)))
    }
}
