//! The generic cell rate algorithm: one number says when the bucket will be full again. In microseconds, for many intervals
//! between tokens are shorter than a millisecond.

const MINUTE_US: i64 = 60_000_000;
/// A burst nobody has said is what a minute's rate allows in a tenth of a second, and so is a lease.
const TENTHS_IN_MINUTE: u32 = 600;

/// So many attempts a minute, and so many at once after a pause. In any time `t` at most `t` / [`Rate::interval_us`] + burst.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rate {
    per_minute: u32,
    burst: u32,
}

/// What was granted of the tokens asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    pub granted: u32,
    /// So long until there is another one, in milliseconds; 0: there is.
    pub next_in_ms: i64,
}

impl Rate {
    /// `None`: `per_minute` is 0, which is no limit. A burst of 0 is a tenth of a second's worth, at least one.
    pub fn new(per_minute: u32, burst: u32) -> Option<Self> {
        let usual = (per_minute / TENTHS_IN_MINUTE).max(1);
        let burst = if burst == 0 { usual } else { burst };
        (per_minute > 0).then_some(Self { per_minute, burst })
    }

    pub const fn per_minute(self) -> u32 {
        self.per_minute
    }

    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// The time between two tokens, in microseconds; rounded so that it is never more than the rate.
    pub fn interval_us(self) -> i64 {
        let per_minute = i64::from(self.per_minute.max(1));
        (MINUTE_US + per_minute - 1) / per_minute
    }

    /// How long an empty bucket takes to be full, in microseconds.
    pub fn full_us(self) -> i64 {
        self.interval_us() * i64::from(self.burst)
    }

    /// Tokens that one deliverer takes at once: a tenth of a second's worth, at least one and at most the burst.
    pub fn lease(self) -> u32 {
        (self.per_minute / TENTHS_IN_MINUTE).clamp(1, self.burst.max(1))
    }

    /// What both allow.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self { per_minute: self.per_minute.min(other.per_minute), burst: self.burst.min(other.burst) }
    }

    /// The part of who owns so many of all partitions; something is always left, so that it goes on.
    #[must_use]
    pub fn share(self, owned: usize, all: usize) -> Self {
        let all = u64::try_from(all.max(1)).unwrap_or(u64::MAX);
        let owned = u64::try_from(owned).unwrap_or(u64::MAX).min(all);
        let part = |whole: u32| u32::try_from(u64::from(whole) * owned / all).unwrap_or(whole).max(1);
        Self { per_minute: part(self.per_minute), burst: part(self.burst) }
    }
}

/// A bucket of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gcra {
    /// When it will be full.
    full_at_us: i64,
}

impl Default for Gcra {
    fn default() -> Self {
        Self { full_at_us: i64::MIN }
    }
}

impl Gcra {
    /// When it is full, if it never holds more than `rate` says, nor is further behind: neither a change of the rate nor a
    /// clock that went back makes it wait longer.
    fn full_at_us(self, rate: Rate, now_us: i64) -> i64 {
        self.full_at_us.clamp(now_us, now_us + rate.full_us())
    }

    /// Tokens that are there.
    pub fn there(self, rate: Rate, now_us: i64) -> u32 {
        let room_us = now_us + rate.full_us() - self.full_at_us(rate, now_us);
        u32::try_from(room_us / rate.interval_us()).unwrap_or(rate.burst)
    }

    /// How long until one is there, in microseconds.
    pub fn next_in_us(self, rate: Rate, now_us: i64) -> i64 {
        (self.full_at_us(rate, now_us) + rate.interval_us() - now_us - rate.full_us()).max(0)
    }

    /// So many were taken, here or elsewhere; below nothing it does not go.
    pub fn took(&mut self, rate: Rate, now_us: i64, n: u32) {
        self.full_at_us = self.full_at_us(rate, now_us) + i64::from(n) * rate.interval_us();
        self.full_at_us = self.full_at_us(rate, now_us);
    }

    /// Nothing is lost when it is forgotten.
    pub fn is_full(self, now_us: i64) -> bool {
        self.full_at_us <= now_us
    }

    /// Takes up to `want`: what the script in Redis does, too.
    pub fn lease(&mut self, rate: Rate, now_us: i64, want: u32) -> Lease {
        let granted = self.there(rate, now_us).min(want);
        if granted > 0 {
            self.took(rate, now_us, granted);
        }
        Lease { granted, next_in_ms: (self.next_in_us(rate, now_us) + 999) / 1_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate::new(per_minute, burst).unwrap()
    }

    #[test]
    fn what_nobody_says_is_a_tenth_of_a_second() {
        assert_eq!(Rate::new(0, 7), None);
        assert_eq!((rate(1_200, 0).burst(), rate(1_200, 0).lease()), (2, 2));
        assert_eq!((rate(60, 0).burst(), rate(60, 0).lease()), (1, 1));
        assert_eq!((rate(6_000, 3).burst(), rate(6_000, 3).lease()), (3, 3));
        assert_eq!((rate(600, 90).lease(), rate(1_200, 0).interval_us()), (1, 50_000));
        assert_eq!(rate(7_000_000, 0).interval_us(), 9, "never more than the rate");
    }

    #[test]
    fn of_two_the_stricter_one_counts_and_a_share_is_never_nothing() {
        assert_eq!(rate(600, 5).stricter(rate(60, 9)), rate(60, 5));
        assert_eq!(rate(3_000, 5).share(6, 12), rate(1_500, 2));
        assert_eq!(rate(3, 1).share(1, 12), rate(1, 1));
        assert_eq!(rate(3_000, 5).share(99, 12), rate(3_000, 5));
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (rate, mut bucket) = (rate(1_200, 3), Gcra::default());
        assert_eq!(bucket.lease(rate, 1_000, 9), Lease { granted: 3, next_in_ms: 50 });
        assert_eq!(bucket.lease(rate, 50_999, 9), Lease { granted: 0, next_in_ms: 1 });
        assert_eq!(bucket.lease(rate, 51_000, 9), Lease { granted: 1, next_in_ms: 50 });
        assert!(!bucket.is_full(200_999) && bucket.is_full(201_000));
    }

    #[test]
    fn neither_another_rate_nor_a_clock_that_went_back_makes_it_wait_longer() {
        let mut bucket = Gcra::default();
        bucket.took(rate(1, 10), 1 << 40, 10);
        assert_eq!(bucket.next_in_us(rate(600, 1), 1 << 40), 100_000);
        assert_eq!(bucket.next_in_us(rate(1, 10), 0), MINUTE_US);
        bucket.took(rate(600, 1), 0, 1_000);
        assert_eq!(bucket.next_in_us(rate(600, 1), 0), 100_000);
    }

    proptest! {
        #[test]
        fn no_time_sees_more_than_rate_and_burst(
            per_minute in 1u32..1_000_000,
            burst in 1u32..50,
            steps in prop::collection::vec((0i64..200_000, 1u32..20), 1..80),
        ) {
            let (rate, mut bucket, mut now_us) = (rate(per_minute, burst), Gcra::default(), 0);
            let mut granted: Vec<(i64, i64)> = Vec::new();
            for (pause_us, want) in steps {
                now_us += pause_us;
                let lease = bucket.lease(rate, now_us, want);
                granted.push((now_us, i64::from(lease.granted)));
                prop_assert!(lease.granted == want || lease.next_in_ms > 0);
                let mut sum = 0;
                for (at_us, n) in granted.iter().rev() {
                    sum += n;
                    prop_assert!(sum <= (now_us - at_us) / rate.interval_us() + i64::from(burst));
                }
            }
        }
    }
}
