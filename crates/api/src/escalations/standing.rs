//! What keeps the list of escalations from being followed: it stands still, and nothing else does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_telemetry::{Condition, Said};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Pace;
use crate::catch_up::{CatchUp, CatchUpError};

/// How often the readiness says how far the reading is.
const SAY_AGAIN: Duration = Duration::from_millis(500);

/// What can stand still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The file is not open yet.
    File,
    Partition(i32),
}

/// Why, for each part that stands still.
type Reasons = BTreeMap<Part, String>;

/// Where parts say that they stand still; clones share it.
#[derive(Clone)]
pub struct Standing {
    reasons: watch::Sender<Reasons>,
    said: Arc<Said>,
}

impl Standing {
    pub fn new() -> Self {
        Self { reasons: watch::channel(Reasons::new()).0, said: Arc::default() }
    }

    pub fn watch(&self) -> watch::Receiver<Reasons> {
        self.reasons.subscribe()
    }

    /// What has the same `subject` is said once for all parts, and then once a minute.
    pub fn stands(&self, part: Part, subject: &str, why: &str) {
        if let Some(unsaid) = self.said.may_say(subject, Instant::now()) {
            tracing::error!(
                ?part,
                times_unsaid = unsaid,
                "escalations are not followed; their calls answer 503 meanwhile, and it is tried again: {why}"
            );
        }
        self.reasons.send_modify(|reasons| {
            reasons.insert(part, why.to_owned());
        });
    }

    pub fn goes_on(&self, part: Part) {
        let went_on = self.reasons.send_if_modified(|reasons| reasons.remove(&part).is_some());
        if went_on {
            tracing::info!(?part, "escalations are followed again");
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

/// Brings reads up to date, unless something stands still.
pub struct Following {
    catch_up: CatchUp,
    standing: watch::Receiver<Reasons>,
}

impl Following {
    pub fn new(catch_up: CatchUp, standing: &Standing) -> Self {
        Self { catch_up, standing: standing.watch() }
    }

    /// Waits until everything that was in the topic when this was called is in the projection. The caller limits the time.
    ///
    /// # Errors
    /// When that can't be found out, and at once when something stands still.
    pub async fn all(&self) -> Result<(), CatchUpError> {
        tokio::select! {
            biased;
            () = self.something_stands() => Err(CatchUpError::StandsStill),
            caught_up = self.catch_up.all() => caught_up,
        }
    }

    async fn something_stands(&self) {
        // Without anybody to say it there is nobody who follows.
        let _ = self.standing.clone().wait_for(|reasons| !reasons.is_empty()).await;
    }
}

/// Says how far the first reading is, and what stands still. Ends with those who follow.
pub async fn say(
    followed: Condition,
    positions: Vec<watch::Receiver<i64>>,
    first_ends: Vec<i64>,
    mut standing: watch::Receiver<Reasons>,
) -> Result<Infallible, watch::error::RecvError> {
    let mut caught_up = false;
    loop {
        let left: i64 = positions.iter().zip(&first_ends).map(|(at, end)| (end - *at.borrow()).max(0)).sum();
        caught_up |= left == 0;
        match describe(&standing.borrow_and_update()) {
            Some(why) => followed.set(false, why),
            None if caught_up => followed.set(true, "all partitions"),
            None => followed.set(false, format!("being read from the log, {left} records to go")),
        }
        tokio::select! {
            changed = standing.changed() => changed?,
            () = sleep(SAY_AGAIN), if !caught_up => {}
        }
    }
}

fn describe(reasons: &Reasons) -> Option<String> {
    let (part, why) = reasons.first_key_value()?;
    Some(match part {
        Part::File => why.clone(),
        Part::Partition(partition) if reasons.len() == 1 => {
            format!("partition {partition} stands still: {why}")
        }
        Part::Partition(partition) => {
            format!("{} partitions stand still, partition {partition} because {why}", reasons.len())
        }
    })
}
