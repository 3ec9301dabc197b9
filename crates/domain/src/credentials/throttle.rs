//! How many requests somebody may make, and how many wrong logins. Bounded memory: of many that ask, those are forgotten that
//! have the most left, which costs least.

use crate::limits::{Gcra, Rate};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;

/// An eighth makes room for many, so that looking for them is paid rarely.
const SHARE_DROPPED: usize = 8;

/// A rate for each of many; who they are is told only by a hash under a key of this process, so that what others write into
/// names takes no room.
#[derive(Debug)]
pub struct Throttle {
    /// `None`: no limit.
    rate: Option<Rate>,
    entries_max: usize,
    keys: RandomState,
    buckets: HashMap<u64, Bucket>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    taken: Gcra,
    /// Under the same key: what something was taken for last.
    last: Option<u64>,
}

/// There is no room; so long until there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Later {
    pub in_us: i64,
}

impl Later {
    /// As `Retry-After` has it: whole seconds, at least one.
    pub fn seconds(self) -> u64 {
        let seconds = self.in_us.saturating_add(999_999) / 1_000_000;
        u64::try_from(seconds).unwrap_or_default().max(1)
    }
}

impl Throttle {
    /// `rate` for each, of whom `entries_max` are remembered.
    pub fn new(rate: Option<Rate>, entries_max: usize) -> Self {
        let entries_max = entries_max.max(SHARE_DROPPED);
        Self { rate, entries_max, keys: RandomState::new(), buckets: HashMap::new() }
    }

    /// Takes one of what `who` may have; `now_us` is a clock that only goes forward.
    ///
    /// # Errors
    /// There is none; nothing is taken.
    pub fn take(&mut self, who: &impl Hash, now_us: i64) -> Result<(), Later> {
        self.look(who, now_us)?;
        self.charge(who, now_us);
        Ok(())
    }

    /// Whether there is one, taking nothing.
    ///
    /// # Errors
    /// There is none.
    pub fn look(&self, who: &impl Hash, now_us: i64) -> Result<(), Later> {
        let (Some(rate), Some(bucket)) = (self.rate, self.buckets.get(&self.keys.hash_one(who))) else {
            return Ok(());
        };
        match bucket.taken.next_in_us(rate, now_us) {
            0 => Ok(()),
            in_us => Err(Later { in_us }),
        }
    }

    /// Takes one, whether it is there or not.
    pub fn charge(&mut self, who: &impl Hash, now_us: i64) {
        self.charge_for(who, None, now_us);
    }

    /// Takes one for `what`, unless it was the last that one was taken for: who repeats himself tries nothing new.
    pub fn charge_other(&mut self, who: &impl Hash, what: &impl Hash, now_us: i64) {
        let what = self.keys.hash_one(what);
        self.charge_for(who, Some(what), now_us);
    }

    fn charge_for(&mut self, who: &impl Hash, what: Option<u64>, now_us: i64) {
        let Some(rate) = self.rate else { return };
        let key = self.keys.hash_one(who);
        if self.buckets.len() >= self.entries_max && !self.buckets.contains_key(&key) {
            self.make_room(rate, now_us);
        }
        let bucket = self.buckets.entry(key).or_default();
        if what.is_none() || what != bucket.last {
            bucket.taken.took(rate, now_us, 1);
            bucket.last = what;
        }
    }

    fn make_room(&mut self, rate: Rate, now_us: i64) {
        self.buckets.retain(|_, bucket| !bucket.taken.is_full(now_us));
        let surplus = self.buckets.len().saturating_sub(self.entries_max - self.entries_max / SHARE_DROPPED);
        if surplus == 0 {
            return;
        }
        let mut left: Vec<u32> =
            self.buckets.values().map(|bucket| bucket.taken.there(rate, now_us)).collect();
        let (_, least_dropped, _) = left.select_nth_unstable_by(surplus - 1, |a, b| b.cmp(a));
        let (least_dropped, mut to_drop) = (*least_dropped, surplus);
        self.buckets.retain(|_, bucket| {
            let dropped = to_drop > 0 && bucket.taken.there(rate, now_us) >= least_dropped;
            to_drop -= usize::from(dropped);
            !dropped
        });
    }
}

/// Whose wrong logins are counted together: an address, or the network of the 64 bits of IPv6 that one customer of a provider
/// has for himself; and the client id he calls with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Guesser<'a> {
    network: IpAddr,
    client_id: &'a str,
}

impl<'a> Guesser<'a> {
    pub fn new(peer: IpAddr, client_id: &'a str) -> Self {
        let network = match peer.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        Self { network, client_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(per_minute: u32, burst: u32, entries_max: usize) -> Throttle {
        Throttle::new(Rate::new(per_minute, burst), entries_max)
    }

    #[test]
    fn who_has_used_up_his_own_waits_and_nobody_else_does() {
        let mut throttle = throttle(60, 2, 100);
        assert_eq!((throttle.take(&"a", 0), throttle.take(&"a", 0)), (Ok(()), Ok(())));
        assert_eq!(throttle.take(&"a", 0), Err(Later { in_us: 1_000_000 }));
        assert_eq!((throttle.look(&"b", 0), throttle.take(&"b", 0)), (Ok(()), Ok(())));
        assert_eq!(throttle.take(&"a", 999_999), Err(Later { in_us: 1 }));
        assert_eq!(throttle.take(&"a", 1_000_000), Ok(()), "what was refused cost nothing");
        assert_eq!(throttle.look(&"a", 1_000_000), Err(Later { in_us: 1_000_000 }));
    }

    #[test]
    fn repeating_the_same_costs_once() {
        let mut throttle = throttle(60, 2, 100);
        for _ in 0..9 {
            throttle.charge_other(&"a", &"guess", 0);
        }
        assert_eq!(throttle.look(&"a", 0), Ok(()));
        throttle.charge_other(&"a", &"another", 0);
        assert_eq!(throttle.look(&"a", 0), Err(Later { in_us: 1_000_000 }));
    }

    #[test]
    fn without_a_rate_there_is_no_limit_and_nothing_is_remembered() {
        let mut throttle = throttle(0, 2, 100);
        for _ in 0..1_000 {
            assert_eq!(throttle.take(&"a", 0), Ok(()));
        }
        assert!(throttle.buckets.is_empty());
    }

    #[test]
    fn retry_after_is_whole_seconds_and_never_none() {
        let seconds = [0, 1, 1_000_000, 1_000_001, 59_000_001].map(|in_us| Later { in_us }.seconds());
        assert_eq!(seconds, [1, 1, 1, 2, 60]);
    }

    #[test]
    fn memory_is_bounded_and_who_is_refused_is_remembered() {
        let mut throttle = throttle(60, 3, 1_000);
        for _ in 0..3 {
            throttle.charge(&"guesser", 0);
        }
        for other in 0..100_000u32 {
            throttle.charge(&other, 0);
            assert!(throttle.buckets.len() <= 1_000);
        }
        assert_eq!(throttle.look(&"guesser", 0), Err(Later { in_us: 1_000_000 }));
        // What is full again goes first, and costs nothing.
        throttle.charge(&"late", 10_000_000);
        assert!(throttle.buckets.len() <= 1_000);
        for other in 0..1_000u32 {
            throttle.charge(&other, 10_000_000);
        }
        assert!(throttle.buckets.len() <= 1_000);
    }

    #[test]
    fn when_all_are_refused_some_are_kept() {
        let mut throttle = throttle(60, 1, 80);
        for one in 0..1_000u32 {
            throttle.charge(&one, 0);
        }
        let refused = (0..1_000u32).filter(|one| throttle.look(one, 0).is_err()).count();
        assert!((70..=80).contains(&refused), "{refused}");
    }

    #[test]
    fn guessers_are_networks() {
        let guesser = |peer: &str, client| Guesser::new(peer.parse().unwrap(), client);
        assert_eq!(guesser("2001:db8:1:2::1", "a"), guesser("2001:db8:1:2:ffff::9", "a"));
        assert_ne!(guesser("2001:db8:1:2::1", "a"), guesser("2001:db8:1:3::1", "a"));
        assert_eq!(guesser("::ffff:192.0.2.1", "a"), guesser("192.0.2.1", "a"));
        assert_ne!(guesser("192.0.2.1", "a"), guesser("192.0.2.2", "a"));
        assert_ne!(guesser("192.0.2.1", "a"), guesser("192.0.2.1", "b"));
    }
}
