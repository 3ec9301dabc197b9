//! All limits of a process, shared by its partitions. What a request needs is taken at once or not at all; who is short of
//! something is told when to try again, and one partition to ask for more.

use super::purse::{Purse, When};
use super::{Key, Lease, Limit, Rate};
use crate::sabotage::{Rule, removed};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limits that are remembered, at most; past it those that are idle are forgotten, and what needs another one waits.
const PURSES_MAX: usize = 100_000;
/// How often idle ones are looked for, at most; and how long who finds no room waits.
const SWEEP_MS: i64 = 1_000;
/// While nobody leases, it is asked again this often.
const ASK_AGAIN_MS: i64 = 1_000;

/// To be asked for; the answer goes to [`Limiter::leased`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    pub key: Key,
    pub rate: Rate,
    pub want: u32,
}

/// Something is short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// By the monotonic clock.
    pub until_ms: i64,
    pub key: Key,
}

/// The limits of one process.
#[derive(Debug)]
pub struct Limiter {
    purses: HashMap<Key, Purse>,
    /// Tokens are leased from what all processes share; else this process is alone.
    leases: bool,
    /// The last question was not answered: each process goes on by itself, with its share.
    down: bool,
    ask_again_ms: i64,
    /// Partitions of this process, and of all.
    owned: usize,
    partitions: usize,
    next_sweep_ms: i64,
}

impl Limiter {
    /// `leases`: whether somebody answers what is asked for. `partitions`: of all processes together.
    pub fn new(leases: bool, partitions: usize) -> Self {
        let purses = HashMap::new();
        let (down, ask_again_ms, owned, next_sweep_ms) = (false, i64::MIN, 0, i64::MIN);
        Self { purses, leases, down, ask_again_ms, owned, partitions, next_sweep_ms }
    }

    /// Takes a token of each, or of none.
    ///
    /// # Errors
    /// When to try again, and for which of them.
    pub fn take(&mut self, now_ms: i64, limits: &[Limit], asks: &mut Vec<Ask>) -> Result<(), Wait> {
        if removed(Rule::Rate) {
            return Ok(());
        }
        let mut short: Option<Wait> = None;
        for limit in limits {
            let until_ms = match self.when(now_ms, limit) {
                When::Now => continue,
                When::At(until_ms) => until_ms,
                When::Asked => {
                    self.ask(now_ms, &limit.key, asks);
                    Purse::looks_ms(now_ms)
                }
            };
            if short.as_ref().is_none_or(|wait| wait.until_ms < until_ms) {
                short = Some(Wait { until_ms, key: limit.key.clone() });
            }
        }
        if let Some(wait) = short {
            self.probe(now_ms, &wait.key, asks);
            return Err(wait);
        }
        for limit in limits {
            let share = self.share(limit);
            if let Some(purse) = self.purses.get_mut(&limit.key) {
                purse.take(now_ms, share);
            }
            if self.leases && !self.down {
                self.ask(now_ms, &limit.key, asks);
            }
            self.probe(now_ms, &limit.key, asks);
        }
        Ok(())
    }

    fn when(&mut self, now_ms: i64, limit: &Limit) -> When {
        let (share, alone) = (self.share(limit), !self.leases || self.down);
        if !self.purses.contains_key(&limit.key) {
            if !self.has_room(now_ms) {
                return When::At(now_ms + SWEEP_MS);
            }
            self.purses.insert(limit.key.clone(), Purse::new(limit.rate));
        }
        self.purses.get_mut(&limit.key).map_or(When::At(now_ms + SWEEP_MS), |purse| {
            purse.set_rate(limit.rate);
            purse.when(now_ms, share, alone)
        })
    }

    /// What this process may when it is alone: a subscription is in one partition, a host in all of them.
    fn share(&self, limit: &Limit) -> Rate {
        match limit.key {
            Key::Host(_) if self.leases => limit.rate.share(self.owned, self.partitions),
            Key::Host(_) | Key::Subscription(_) => limit.rate,
        }
    }

    fn ask(&mut self, now_ms: i64, key: &Key, asks: &mut Vec<Ask>) {
        if let Some(purse) = self.purses.get_mut(key)
            && let Some(want) = purse.wants(now_ms)
        {
            purse.asked(now_ms);
            asks.push(Ask { key: key.clone(), rate: purse.rate(), want });
        }
    }

    /// Now and then one question shows whether they are answered again.
    fn probe(&mut self, now_ms: i64, key: &Key, asks: &mut Vec<Ask>) {
        if self.down && now_ms >= self.ask_again_ms {
            self.ask_again_ms = now_ms + ASK_AGAIN_MS;
            self.ask(now_ms, key, asks);
        }
    }

    /// The answer to an [`Ask`]; `None`: nobody answered.
    pub fn leased(&mut self, now_ms: i64, key: &Key, lease: Option<Lease>) {
        self.down = lease.is_none();
        if self.down {
            self.ask_again_ms = now_ms + ASK_AGAIN_MS;
        }
        let Some(rate) = self.purses.get(key).map(Purse::rate) else { return };
        let share = self.share(&Limit { key: key.clone(), rate });
        if let Some(purse) = self.purses.get_mut(key) {
            purse.leased(now_ms, share, lease);
        }
    }

    /// Whether the process goes on alone although tokens could be leased.
    pub fn is_down(&self) -> bool {
        self.down
    }

    fn has_room(&mut self, now_ms: i64) -> bool {
        if self.purses.len() >= PURSES_MAX && now_ms >= self.next_sweep_ms {
            self.next_sweep_ms = now_ms + SWEEP_MS;
            self.purses.retain(|_, purse| !purse.is_idle(now_ms));
        }
        self.purses.len() < PURSES_MAX
    }
}

/// Locks it. A panic of another partition leaves at worst a token too few.
pub fn lock(limiter: &Mutex<Limiter>) -> MutexGuard<'_, Limiter> {
    limiter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A partition of this process, as long as it lives.
#[derive(Debug)]
pub struct Member(Arc<Mutex<Limiter>>);

impl Member {
    pub fn join(limiter: Arc<Mutex<Limiter>>) -> Self {
        lock(&limiter).owned += 1;
        Self(limiter)
    }

    pub fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.0)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut limiter = self.limiter();
        limiter.owned = limiter.owned.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Gcra;

    fn limit(per_minute: u32, burst: u32) -> Limit {
        Limit { key: Key::Host("a.example:443".into()), rate: Rate::new(per_minute, burst).unwrap() }
    }

    fn wait(until_ms: i64, limit: &Limit) -> Result<(), Wait> {
        Err(Wait { until_ms, key: limit.key.clone() })
    }

    #[test]
    fn alone_it_is_a_bucket() {
        let (mut limiter, limit, mut asks) = (Limiter::new(false, 12), limit(1_200, 2), Vec::new());
        let mut take = |now_ms| limiter.take(now_ms, std::slice::from_ref(&limit), &mut asks);
        assert_eq!((take(0), take(0), take(0)), (Ok(()), Ok(()), wait(50, &limit)));
        assert_eq!((take(49), take(50), take(50)), (wait(50, &limit), Ok(()), wait(100, &limit)));
        assert!(asks.is_empty());
    }

    #[test]
    fn one_asks_and_the_others_look_again() {
        let (mut limiter, limit, mut asks) = (Limiter::new(true, 12), limit(6_000, 10), Vec::new());
        let one = std::slice::from_ref(&limit);
        assert_eq!(limiter.take(0, one, &mut asks), wait(10, &limit));
        assert_eq!(limiter.take(5, one, &mut asks), wait(15, &limit));
        assert_eq!(asks, [Ask { key: limit.key.clone(), rate: limit.rate, want: 10 }]);
        limiter.leased(6, &limit.key, Some(Lease { granted: 10, next_in_ms: 10 }));
        asks.clear();
        (0..5).for_each(|_| assert_eq!(limiter.take(16, one, &mut asks), Ok(())));
        assert_eq!(asks.len(), 1, "half of it is left when more is asked for");
        assert_eq!(asks[0].want, 5, "and never more than a lease is held");
        limiter.leased(17, &limit.key, Some(Lease { granted: 0, next_in_ms: 30 }));
        asks.clear();
        (0..5).for_each(|_| assert_eq!(limiter.take(18, one, &mut asks), Ok(())));
        assert_eq!(limiter.take(18, one, &mut asks), wait(47, &limit));
        assert!(asks.is_empty(), "there is nothing to be had before");
        assert_eq!(limiter.take(47, one, &mut asks), wait(57, &limit));
        assert_eq!(asks.len(), 1);
    }

    #[test]
    fn what_is_leased_and_not_used_is_gone_in_time() {
        let (mut limiter, limit, mut asks) = (Limiter::new(true, 12), limit(60, 3), Vec::new());
        let one = std::slice::from_ref(&limit);
        assert!(limiter.take(0, one, &mut asks).is_err());
        limiter.leased(0, &limit.key, Some(Lease { granted: 1, next_in_ms: 0 }));
        assert_eq!(limiter.take(2_999, one, &mut asks), Ok(()));
        limiter.leased(3_000, &limit.key, Some(Lease { granted: 1, next_in_ms: 0 }));
        assert!(limiter.take(6_000, one, &mut asks).is_err());
    }

    #[test]
    fn with_nobody_to_ask_each_has_its_share_and_no_second_burst() {
        let (limiter, limit, mut asks) =
            (Arc::new(Mutex::new(Limiter::new(true, 4))), limit(1_200, 4), Vec::new());
        let member = Member::join(limiter.clone());
        let second = Member::join(limiter);
        let one = std::slice::from_ref(&limit);
        assert!(member.limiter().take(0, one, &mut asks).is_err());
        member.limiter().leased(0, &limit.key, Some(Lease { granted: 2, next_in_ms: 0 }));
        assert_eq!(member.limiter().take(0, one, &mut asks), Ok(()));
        assert_eq!(member.limiter().take(0, one, &mut asks), Ok(()));
        member.limiter().leased(1, &limit.key, None);
        assert!(member.limiter().is_down());
        // Two of four partitions: a token each 100 ms, and the burst of two was leased before.
        assert_eq!(member.limiter().take(1, one, &mut asks), wait(100, &limit));
        drop(second);
        assert_eq!(member.limiter().take(100, one, &mut asks), wait(200, &limit), "its share is smaller now");
        asks.clear();
        assert!(member.limiter().take(1_001, one, &mut asks).is_ok());
        assert_eq!(asks.len(), 1, "it asks again");
        member.limiter().leased(1_002, &limit.key, Some(Lease { granted: 1, next_in_ms: 40 }));
        assert!(!member.limiter().is_down());
    }

    #[test]
    fn a_question_that_gets_no_answer_keeps_nobody_waiting() {
        let (mut limiter, limit, mut asks) = (Limiter::new(true, 1), limit(600, 1), Vec::new());
        limiter.owned = 1;
        let one = std::slice::from_ref(&limit);
        assert!(limiter.take(0, one, &mut asks).is_err());
        assert!(limiter.take(299, one, &mut asks).is_err());
        assert_eq!(limiter.take(300, one, &mut asks), Ok(()));
        assert_eq!(limiter.take(300, one, &mut asks), wait(400, &limit));
        assert_eq!(asks.len(), 1);
        assert!(limiter.take(3_000, one, &mut asks).is_ok());
        assert_eq!(asks.len(), 2, "who asked is gone");
    }

    #[test]
    fn all_or_nothing() {
        let (mut limiter, host, mut asks) = (Limiter::new(false, 1), limit(600, 1), Vec::new());
        let own = Limit { key: Key::Subscription("s".into()), rate: Rate::new(60, 2).unwrap() };
        let both = [own.clone(), host.clone()];
        assert_eq!(limiter.take(0, &both, &mut asks), Ok(()));
        assert_eq!(limiter.take(0, &both, &mut asks), wait(100, &host));
        assert_eq!(limiter.take(0, std::slice::from_ref(&own), &mut asks), Ok(()), "nothing was taken of it");
        assert_eq!(limiter.take(200, &both, &mut asks), wait(1_000, &own));
    }

    /// However many share it and however they use it: the rate, one burst, and one lease of each.
    #[test]
    fn several_processes_together_stay_within_the_rate_and_a_lease_of_each() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let limit = limit(rng.u32(60..60_000), rng.u32(1..40));
            let one = std::slice::from_ref(&limit);
            let mut processes: Vec<_> = (0..3).map(|_| Limiter::new(true, 12)).collect();
            let mut shared = Gcra::default();
            let mut under_way: Vec<(i64, usize, Lease)> = Vec::new();
            let mut used: Vec<i64> = Vec::new();
            for now_ms in 0..4_000 {
                let answers = under_way.extract_if(.., |(at_ms, ..)| *at_ms <= now_ms);
                for (_, process, lease) in answers {
                    processes[process].leased(now_ms, &limit.key, Some(lease));
                }
                let process = rng.usize(..3);
                for _ in 0..rng.u32(..8) {
                    let mut asks = Vec::new();
                    if processes[process].take(now_ms, one, &mut asks).is_ok() {
                        used.push(now_ms);
                    }
                    for ask in asks {
                        let lease = shared.lease(limit.rate, now_ms * 1_000, ask.want);
                        under_way.push((now_ms + rng.i64(0..5), process, lease));
                    }
                }
            }
            let most = |ms: i64| {
                let (burst, lease) = (i64::from(limit.rate.burst()), i64::from(limit.rate.lease()));
                ms * 1_000 / limit.rate.interval_us() + burst + 3 * lease
            };
            for (index, from) in used.iter().enumerate().step_by(7) {
                for (n, at) in used[index..].iter().enumerate() {
                    assert!((n as i64) < most(at - from + 1), "seed {seed}: {n} in {} ms", at - from);
                }
            }
            // With less room than a question takes, a part of the rate goes by while it is asked for.
            let flows = used.len() as i64 >= 3_900_000 / limit.rate.interval_us() / 2;
            assert!(flows || limit.rate.full_us() < 20_000, "seed {seed} stands still");
        }
    }
}
