//! Credentials end; who has to renew them hears of it before.

use super::listing::Entry;
use super::{Credentials, TokenHash};
use std::collections::{HashMap, HashSet};

const DAY_MS: i64 = 86_400_000;

/// So long before it ends a credential is spoken of, in milliseconds.
pub const EXPIRES_SOON_MS: i64 = 7 * DAY_MS;

pub(super) fn is_past(expires_at_ms: Option<i64>, now_ms: i64) -> bool {
    expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
}

/// A credential that ends soon.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Expiring {
    /// Wall clock.
    pub at_ms: i64,
    /// Which one, without the token: `token "spring" of operator acme for partner-app`.
    pub who: String,
}

/// When each credential that ends soon was spoken of last.
#[derive(Clone, Default, Debug)]
pub struct Reminders {
    told_at_ms: HashMap<TokenHash, i64>,
}

impl Credentials {
    /// When the next of those still in force ends (wall clock); `None`: none ever does.
    pub fn next_expiry_ms(&self, now_ms: i64) -> Option<i64> {
        self.ends().map(|(at_ms, ..)| at_ms).filter(|at_ms| *at_ms > now_ms).min()
    }

    /// All that end, and when.
    fn ends(&self) -> impl Iterator<Item = (i64, &TokenHash, Entry<'_>)> {
        self.each().filter_map(|(sha256, entry)| Some((entry.expires_at_ms()?, sha256, entry)))
    }
}

impl Reminders {
    /// Those that end within [`EXPIRES_SOON_MS`] and were not told of for a day, the next one first.
    pub fn due(&mut self, credentials: &Credentials, now_ms: i64) -> Vec<Expiring> {
        let soon: Vec<_> = credentials
            .ends()
            .filter(|(at_ms, ..)| *at_ms > now_ms && at_ms.saturating_sub(now_ms) <= EXPIRES_SOON_MS)
            .collect();
        let known: HashSet<&TokenHash> = soon.iter().map(|(_, sha256, _)| *sha256).collect();
        self.told_at_ms.retain(|sha256, _| known.contains(sha256));
        let mut due = Vec::new();
        for (at_ms, sha256, entry) in soon {
            let told_at_ms = self.told_at_ms.get(sha256);
            // A clock that went back says it again at most once.
            if told_at_ms.is_none_or(|at_ms| !(0..DAY_MS).contains(&now_ms.saturating_sub(*at_ms))) {
                self.told_at_ms.insert(*sha256, now_ms);
                due.push(Expiring { at_ms, who: entry.shown().into() });
            }
        }
        due.sort();
        due
    }
}
