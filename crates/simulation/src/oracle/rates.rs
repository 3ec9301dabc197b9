//! Nobody is asked for more than its limits say: no time sees more requests than the rate, one burst, and one lease of each
//! process that sends. Where tokens cannot be leased each process goes on alone, and then it is that much for each.

use aerogram_domain::limits::{Key, Limit, Rate};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Requests of one limit that are looked back at.
const LOOKED_BACK_MAX: usize = 64;

/// A request that a process decided.
struct Decided {
    at_ms: i64,
    /// Which life of which process.
    life: (usize, u64),
    rate: Rate,
    /// How often Redis had lost what it knew.
    losses: u32,
}

#[derive(Default)]
pub struct Rates {
    decided: BTreeMap<Key, VecDeque<Decided>>,
}

impl Rates {
    /// A request is decided; what is wrong with it. `prompt`: tokens can always be leased.
    pub fn decided(
        &mut self,
        at_ms: i64,
        life: (usize, u64),
        limit: &Limit,
        losses: u32,
        prompt: bool,
    ) -> Option<String> {
        let all = self.decided.entry(limit.key.clone()).or_default();
        all.push_back(Decided { at_ms, life, rate: limit.rate, losses });
        if all.len() > LOOKED_BACK_MAX {
            all.pop_front();
        }
        let (mut lives, mut changes, mut later) = (BTreeSet::new(), 0, limit.rate);
        let (mut interval_us, mut burst, mut lease) = (i64::MAX, 0, 0);
        for (n, one) in (1..).zip(all.iter().rev()) {
            lives.insert(one.life);
            changes += i64::from(one.rate != later);
            later = one.rate;
            interval_us = interval_us.min(one.rate.interval_us());
            (burst, lease) = (burst.max(one.rate.burst()), lease.max(one.rate.lease()));
            let (burst, lease) = (i64::from(burst), i64::from(lease));
            let lives = lives.len() as i64;
            let ms = at_ms - one.at_ms + 1;
            let flow = ms * 1_000 / interval_us;
            // With another rate, or nothing known any more, the bucket may be full again.
            let bursts = burst * (1 + changes + i64::from(losses - one.losses));
            let most = match prompt {
                true => flow + bursts + lease * lives,
                false => (flow + bursts + lease) * (1 + lives),
            };
            if n > most {
                let key = &limit.key;
                return Some(format!(
                    "(l) {n} requests of {key:?} in {ms} ms, and at most {most} are allowed"
                ));
            }
        }
        None
    }
}
