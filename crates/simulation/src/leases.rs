//! The tokens of rate limits in the modelled Redis.

use aerogram_domain::limits::{Ask, Gcra, Key, Lease};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Leases {
    buckets: BTreeMap<Key, Gcra>,
    snapshot: BTreeMap<Key, Gcra>,
    /// In this world receivers have limits; they make everything slower.
    pub is_limited: bool,
    /// In this world it always answers at once and forgets nothing, so that limits hold exactly.
    pub is_prompt: bool,
    /// How often it lost what it knew.
    pub losses: u32,
}

impl Leases {
    pub fn of(is_limited: bool) -> Self {
        Self { is_limited, ..Self::default() }
    }

    /// `None`: it does not answer, and may have granted them all the same.
    pub fn lease(&mut self, rng: &mut fastrand::Rng, down: bool, now_ms: i64, ask: &Ask) -> Option<Lease> {
        if down && !self.is_prompt {
            return None;
        }
        let bucket = self.buckets.entry(ask.key.clone()).or_default();
        let lease = bucket.lease(ask.rate, now_ms * 1_000, ask.want);
        (self.is_prompt || rng.u32(..20) > 0).then_some(lease)
    }

    pub fn wipe(&mut self) {
        if !self.is_prompt {
            self.buckets.clear();
            self.losses += 1;
        }
    }

    pub fn snapshot(&mut self) {
        self.snapshot.clone_from(&self.buckets);
    }

    pub fn roll_back(&mut self) {
        if !self.is_prompt {
            self.buckets.clone_from(&self.snapshot);
            self.losses += 1;
        }
    }
}
