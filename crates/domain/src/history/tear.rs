//! Whether the log goes on where it was read, and what is not known when it does not.
//!
//! A reader that was away for longer than the log is kept finds its place gone: what stood there was taken by its age. How the
//! runs ended that were under way then, nobody can say, so history is made anew from what the log holds: as every new reader makes
//! it, and no less, for what is older than the log is not told anyway. When the log is shorter than its age allows, because
//! somebody has deleted of it, or there is another one in its place, what is missing may be younger, and history tells only of
//! what was issued after it.

/// A partition of the log, as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Log {
    /// Offset of the first record; of a log without any, its end.
    pub begins_at: i64,
    pub end: i64,
    /// When the first record was appended, in milliseconds since 1970; `None`: there is none.
    pub first_ms: Option<i64>,
}

/// How the log does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tear {
    /// It begins after the place where it was read: what stood between is gone.
    Cut,
    /// It ends before that place: it is another log.
    Another,
}

/// When it was last known that everything in the log was read, in milliseconds since 1970, and what it is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Away {
    /// `None`: it never was.
    pub followed_ms: Option<i64>,
    pub now_ms: i64,
    /// How long the log is kept, in milliseconds.
    pub log_retention_ms: i64,
}

impl Tear {
    /// `read_up_to`: the offset where it is to be read on; `None`: it never was read, so it goes on wherever it begins.
    pub fn of(read_up_to: Option<i64>, log: Log) -> Option<Self> {
        match read_up_to {
            Some(at) if at > log.end => Some(Self::Another),
            Some(at) if at < log.begins_at => Some(Self::Cut),
            _ => None,
        }
    }

    /// Whether what was read is of no use: how what was under way ended is missing. Whoever never had read everything has lost
    /// only what the log would not have shown to one who begins now.
    pub fn makes_anew(self, away: Away) -> bool {
        self == Self::Another || away.followed_ms.is_some()
    }

    /// What was issued before may be missing, in milliseconds since 1970; 0: only what is older than the log is kept.
    pub fn untold_until_ms(self, log: Log, away: Away) -> i64 {
        let by_age = match away.followed_ms {
            // It was appended after that, and may have been gone by its age now.
            Some(followed_ms) => followed_ms < away.now_ms.saturating_sub(away.log_retention_ms),
            None => true,
        };
        match self {
            Self::Cut if by_age => 0,
            Self::Cut | Self::Another => log.first_ms.unwrap_or(away.now_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    const NOW_MS: i64 = 100 * DAY_MS;
    const LOG: Log = Log { begins_at: 10, end: 20, first_ms: Some(NOW_MS - DAY_MS) };
    const EMPTY: Log = Log { begins_at: 20, end: 20, first_ms: None };

    fn away(days: i64) -> Away {
        Away { followed_ms: Some(NOW_MS - days * DAY_MS), now_ms: NOW_MS, log_retention_ms: 7 * DAY_MS }
    }

    #[test]
    fn it_goes_on_where_something_stands_or_will() {
        let tear = |at| Tear::of(at, LOG);
        for whole in [None, Some(10), Some(15), Some(20)] {
            assert_eq!(tear(whole), None, "{whole:?}");
        }
        assert_eq!([0, 9, 21].map(|at| tear(Some(at))), [Tear::Cut, Tear::Cut, Tear::Another].map(Some));
        assert_eq!(
            [19, 20, 21].map(|at| Tear::of(Some(at), EMPTY)),
            [Some(Tear::Cut), None, Some(Tear::Another)]
        );
    }

    #[test]
    fn what_went_by_its_age_would_not_be_told() {
        assert!(Tear::Cut.makes_anew(away(8)));
        assert_eq!(Tear::Cut.untold_until_ms(LOG, away(8)), 0);
        assert_eq!(Tear::Cut.untold_until_ms(EMPTY, away(8)), 0);
        // One that reads for the first time.
        let never = Away { followed_ms: None, ..away(0) };
        assert!(!Tear::Cut.makes_anew(never) && Tear::Another.makes_anew(never));
        assert_eq!(Tear::Cut.untold_until_ms(LOG, never), 0);
    }

    #[test]
    fn what_went_otherwise_is_not_claimed_to_be_known() {
        for (tear, away) in [(Tear::Cut, away(1)), (Tear::Cut, away(7)), (Tear::Another, away(8))] {
            assert!(tear.makes_anew(away));
            assert_eq!(tear.untold_until_ms(LOG, away), NOW_MS - DAY_MS);
            assert_eq!(tear.untold_until_ms(EMPTY, away), NOW_MS);
        }
    }
}
