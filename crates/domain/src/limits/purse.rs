//! The tokens of one limit in one process: those that were leased, and a bucket of its own for when nobody leases any.

use super::{Gcra, Lease, Rate};

/// Leased tokens that nobody used for this long are gone, or for as long as their bucket takes to be full, where that is
/// longer: by then another can be had for nothing. Sooner, a slow flow would pay for each of its requests twice.
const KEPT_MIN_MS: i64 = 1_000;
/// While a question is under way, or one could not be asked, it is looked at again after this long.
const LOOK_MS: i64 = 10;
/// A question that is not answered for so long keeps nobody waiting: the process goes on by itself.
const PATIENCE_MS: i64 = 300;
/// From then on another may ask: the partition that asked may be another's by now.
const LOST_MS: i64 = 3_000;

#[derive(Debug)]
pub(super) struct Purse {
    rate: Rate,
    tokens: u32,
    kept_until_ms: i64,
    /// What was leased is taken from it too, so that going on alone is no second burst.
    alone: Gcra,
    /// Before there is nothing to be had.
    next_ms: i64,
    asked_ms: Option<i64>,
}

/// When there is a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum When {
    Now,
    At(i64),
    /// When somebody has asked for it.
    Asked,
}

impl Purse {
    pub fn new(rate: Rate) -> Self {
        let alone = Gcra::default();
        Self { rate, tokens: 0, kept_until_ms: i64::MIN, alone, next_ms: i64::MIN, asked_ms: None }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// It may be another since.
    pub fn set_rate(&mut self, rate: Rate) {
        if self.rate != rate {
            self.rate = rate;
            self.tokens = self.tokens.min(rate.lease());
            self.next_ms = i64::MIN;
        }
    }

    /// `share`: what this process allows itself when it goes on alone. `alone`: whether it does.
    pub fn when(&mut self, now_ms: i64, share: Rate, alone: bool) -> When {
        if now_ms >= self.kept_until_ms {
            self.tokens = 0;
        }
        let waited_ms = self.asked_ms.map(|asked_ms| now_ms - asked_ms);
        if self.tokens > 0 {
            When::Now
        } else if alone || waited_ms.is_some_and(|waited_ms| waited_ms >= PATIENCE_MS) {
            match self.alone.next_in_us(share, now_ms * 1_000) {
                0 => When::Now,
                us => When::At(now_ms + (us + 999) / 1_000),
            }
        } else if waited_ms.is_some() {
            When::At(now_ms + LOOK_MS)
        } else if now_ms < self.next_ms {
            When::At(self.next_ms)
        } else {
            When::Asked
        }
    }

    /// There is one, as [`Purse::when`] said.
    pub fn take(&mut self, now_ms: i64, share: Rate) {
        if self.tokens > 0 {
            self.tokens -= 1;
        } else {
            self.alone.took(share, now_ms * 1_000, 1);
        }
    }

    /// How many to ask for, so that it never holds more than one lease. When half of it is used, the next ones are asked for,
    /// and what flows slower than its rate never waits for the answer.
    pub fn wants(&self, now_ms: i64) -> Option<u32> {
        let lost = self.asked_ms.is_none_or(|asked_ms| now_ms - asked_ms >= LOST_MS);
        let lease = self.rate.lease();
        (lost && now_ms >= self.next_ms && self.tokens <= lease / 2)
            .then(|| lease.saturating_sub(self.tokens))
    }

    pub fn asked(&mut self, now_ms: i64) {
        self.asked_ms = Some(now_ms);
    }

    /// After [`Purse::asked`]: until when to wait.
    pub fn looks_ms(now_ms: i64) -> i64 {
        now_ms + LOOK_MS
    }

    /// The answer; `None`: there is none.
    pub fn leased(&mut self, now_ms: i64, share: Rate, lease: Option<Lease>) {
        self.asked_ms = None;
        let Some(Lease { granted, next_in_ms }) = lease else { return };
        self.next_ms = now_ms + next_in_ms;
        if granted > 0 {
            self.tokens = self.tokens.saturating_add(granted).min(self.rate.lease());
            self.kept_until_ms = now_ms + KEPT_MIN_MS.max(self.rate.full_us() / 1_000);
            self.alone.took(share, now_ms * 1_000, granted);
        }
    }

    /// Nothing is lost when it is forgotten.
    pub fn is_idle(&self, now_ms: i64) -> bool {
        let asks = self.asked_ms.is_some_and(|asked_ms| now_ms - asked_ms < LOST_MS);
        let holds = self.tokens > 0 && now_ms < self.kept_until_ms;
        !asks && !holds && now_ms >= self.next_ms && self.alone.is_full(now_ms * 1_000)
    }
}
