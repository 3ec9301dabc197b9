//! What keeps some of the projection from being followed: what is read from it stands still, and nothing else does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_telemetry::Said;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Pace;

/// What can stand still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The file is not open yet.
    File,
    Partition(Topic, i32),
}

/// Why, for each part that stands still.
pub type Reasons = BTreeMap<Part, String>;

/// Where parts of a group of topics say that they stand still; clones share it.
#[derive(Clone)]
pub struct Standing {
    /// What is followed, for people.
    what: &'static str,
    reasons: watch::Sender<Reasons>,
    said: Arc<Said>,
}

impl Standing {
    pub fn new(what: &'static str) -> Self {
        Self { what, reasons: watch::channel(Reasons::new()).0, said: Arc::default() }
    }

    pub fn watch(&self) -> watch::Receiver<Reasons> {
        self.reasons.subscribe()
    }

    /// What has the same `subject` is said once for all parts, and then once a minute.
    pub fn stands(&self, part: Part, subject: &str, why: &str) {
        if let Some(unsaid) = self.said.may_say(subject, Instant::now()) {
            tracing::error!(
                what = self.what,
                ?part,
                times_unsaid = unsaid,
                "it is not followed; its calls answer 503 meanwhile, and it is tried again: {why}"
            );
        }
        self.reasons.send_modify(|reasons| {
            reasons.insert(part, why.to_owned());
        });
    }

    pub fn goes_on(&self, part: Part) {
        let went_on = self.reasons.send_if_modified(|reasons| reasons.remove(&part).is_some());
        if went_on {
            tracing::info!(what = self.what, ?part, "it is followed again");
        }
    }
}

/// Waits before something is tried again, longer each time.
pub struct Retry {
    pace: Pace,
    wait: Duration,
    failed_at: Option<Instant>,
}

impl Retry {
    pub fn new(pace: Pace) -> Self {
        Self { pace, wait: pace.retry_first, failed_at: None }
    }

    /// The same, but the first time it is tried again at once.
    pub async fn pause_unless_first(&mut self) {
        if self.failed_at.is_some_and(|at| at.elapsed() <= self.pace.retry_max * 2) {
            self.pause().await;
        } else {
            (self.failed_at, self.wait) = (Some(Instant::now()), self.pace.retry_first);
        }
    }

    /// It has failed. What went well for longer than the longest wait begins with the first one again.
    pub async fn pause(&mut self) {
        if self.failed_at.is_some_and(|at| at.elapsed() > self.pace.retry_max * 2) {
            self.wait = self.pace.retry_first;
        }
        self.failed_at = Some(Instant::now());
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(self.pace.retry_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a log that is cut again and again: its first record may be gone before it is read.
    #[tokio::test]
    async fn what_fails_again_and_again_is_tried_at_once_only_the_first_time() {
        let pace = Pace { retry_first: Duration::from_millis(30), ..Pace::default() };
        let mut retry = Retry::new(pace);
        retry.pause_unless_first().await;
        assert_eq!(retry.wait, pace.retry_first, "it did not wait");
        for times in 1..=3 {
            let begun = Instant::now();
            retry.pause_unless_first().await;
            assert!(begun.elapsed() >= pace.retry_first * times);
        }
    }
}
