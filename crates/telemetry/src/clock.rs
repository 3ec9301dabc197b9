//! The process's two clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aerogram_domain::clock::Now;

/// Tells [`Now`]; monotonic milliseconds count from its making.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Starts the monotonic clock at 0.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// Both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { wall_ms: wall_ms(), mono_ms: millis(self.began.elapsed()) }
    }

    /// The instant at which the monotonic clock shows `mono_ms`.
    #[must_use]
    pub fn instant(&self, mono_ms: i64) -> Instant {
        self.began + Duration::from_millis(mono_ms.max(0).unsigned_abs())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn wall_ms() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
