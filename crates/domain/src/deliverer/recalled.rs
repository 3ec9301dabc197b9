//! What was fetched back into memory stays for a while: where one record was older than memory, others like it follow, as
//! after a store was made anew, and each would make the owner start again.

use crate::clock::Now;

/// The oldest time asked for lately.
pub struct Recalled {
    since_ms: i64,
    until_ms: i64,
}

impl Recalled {
    pub const fn new() -> Self {
        Self { since_ms: i64::MAX, until_ms: i64::MIN }
    }

    /// A record came, about which no line is older than `oldest_ms`.
    pub fn asked(&mut self, now: Now, oldest_ms: i64, horizon_ms: i64) {
        if oldest_ms >= now.wall_ms - horizon_ms {
            return;
        }
        let others = self.since_ms(now).unwrap_or(i64::MAX);
        self.since_ms = others.min(oldest_ms);
        self.until_ms = now.mono_ms + horizon_ms;
    }

    /// Lines about records that are not older are kept; `None`: nothing old was asked for lately.
    pub fn since_ms(&self, now: Now) -> Option<i64> {
        (now.mono_ms < self.until_ms).then_some(self.since_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(ms: i64) -> Now {
        Now { wall_ms: 1_000_000 + ms, mono_ms: ms }
    }

    #[test]
    fn the_oldest_is_kept_until_none_like_it_came_for_a_horizon() {
        let mut recalled = Recalled::new();
        recalled.asked(now(0), 1_000_000 - 50, 100);
        assert_eq!(recalled.since_ms(now(0)), None, "memory has it anyway");
        recalled.asked(now(0), 7, 100);
        recalled.asked(now(90), 900, 100);
        assert_eq!(recalled.since_ms(now(189)), Some(7));
        assert_eq!(recalled.since_ms(now(190)), None);
        recalled.asked(now(200), 900, 100);
        assert_eq!(recalled.since_ms(now(200)), Some(900), "what was kept before is forgotten");
    }
}
