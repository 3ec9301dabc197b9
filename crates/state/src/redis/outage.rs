//! Says that Redis fails without filling the log: every partition asks again twice a second.

use super::link::LinkFailure;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    said_at: Option<Instant>,
    /// Failures since the last line.
    unsaid: u64,
    /// A line said that it fails and none that it answers again.
    open: bool,
}

impl Outage {
    pub(super) fn failed(&self, address: &str, command: &str, partition: i32, failure: &LinkFailure) {
        if let Some(unsaid) = self.note_failure(Instant::now()) {
            tracing::warn!(
                address, command, partition, %failure, unsaid,
                "Redis gave no usable answer; what waits there is fired when it does again"
            );
        }
    }

    pub(super) fn answered(&self, address: &str) {
        if self.note_answer() {
            tracing::info!(address, "Redis answers again");
        }
    }

    /// How many failures went unsaid before this one, when it is time for a line.
    fn note_failure(&self, now: Instant) -> Option<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.said_at.is_some_and(|said_at| now.duration_since(said_at) < LINE_INTERVAL) {
            seen.unsaid += 1;
            return None;
        }
        let unsaid = seen.unsaid;
        *seen = Seen { said_at: Some(now), unsaid: 0, open: true };
        Some(unsaid)
    }

    fn note_answer(&self) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.open)
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_INTERVAL, Outage};
    use std::time::{Duration, Instant};

    #[test]
    fn lines_keep_their_interval_and_count_what_they_leave_out() {
        let (outage, start) = (Outage::default(), Instant::now());
        assert!(!outage.note_answer());
        assert_eq!(outage.note_failure(start), Some(0));
        assert!(outage.note_answer());
        assert!(!outage.note_answer());
        let just_before = start + LINE_INTERVAL - Duration::from_millis(1);
        assert_eq!(outage.note_failure(just_before), None);
        assert!(!outage.note_answer(), "nobody was told of the failure");
        assert_eq!(outage.note_failure(start + LINE_INTERVAL), Some(1));
        assert!(outage.note_answer());
    }
}
