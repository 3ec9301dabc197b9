//! How fast a lane goes while a limit holds it back. What others take of a shared limit is not known, only what is left of it.

use crate::limits::Key;

/// The lane has not been held back for so long: what was measured before says nothing any more.
const FORGOTTEN_MS: i64 = 2_000;
/// Requests after which the older half of the measurement is forgotten.
const SENT_MAX: i64 = 64;

/// A limit holds a lane back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limited {
    /// Tried again then, by the monotonic clock.
    pub until_ms: i64,
    /// Among those that are tried at the same time the one goes first that has waited since before.
    pub turn: u64,
    pub key: Key,
}

/// Requests since a lane was first held back.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pace {
    /// When it was held back first and last.
    held_ms: Option<(i64, i64)>,
    sent: i64,
}

impl Pace {
    /// The lane is held back.
    pub fn limited(&mut self, now_ms: i64) {
        let measured = self.held_ms.filter(|(_, last_ms)| now_ms - last_ms <= FORGOTTEN_MS);
        if measured.is_none() {
            self.sent = 0;
        }
        let mut since_ms = measured.map_or(now_ms, |(since_ms, _)| since_ms);
        if self.sent >= SENT_MAX {
            since_ms = now_ms - (now_ms - since_ms) / 2;
            self.sent /= 2;
        }
        self.held_ms = Some((since_ms, now_ms));
    }

    /// One of its requests went.
    pub fn sent(&mut self) {
        self.sent += 1;
    }

    /// The time between two requests, in microseconds; 0: it was not held back of late.
    pub fn gap_us(&self, now_ms: i64) -> i64 {
        match self.held_ms {
            Some((since_ms, last_ms)) if now_ms - last_ms <= FORGOTTEN_MS => {
                (now_ms - since_ms).saturating_mul(1_000) / (self.sent + 1)
            }
            _ => 0,
        }
    }
}
