//! What keeps some of the projection from being followed: what is read from it stands still, and nothing else does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerogram_telemetry::{Condition, Said};
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Pace;

/// How often the readiness says how far the reading is.
const SAY_AGAIN: Duration = Duration::from_millis(500);

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

/// How far a topic is.
pub struct Progress {
    pub topic: Topic,
    /// In the order of the partitions.
    pub positions: Vec<watch::Receiver<i64>>,
    /// Where the partitions ended when the following began.
    pub first_ends: Vec<i64>,
}

impl Progress {
    /// Offsets that are still to be read of what was there at first.
    fn left(&self) -> u64 {
        let both = self.positions.iter().zip(&self.first_ends);
        both.map(|(at, end)| u64::try_from(end - *at.borrow()).unwrap_or(0)).sum()
    }
}

/// Says how far the first reading is, and what stands still. Ends with those who follow.
pub async fn say(
    followed: Condition,
    topics: Vec<Progress>,
    mut standing: watch::Receiver<Reasons>,
) -> Result<Infallible, watch::error::RecvError> {
    let mut caught_up = false;
    loop {
        let left: Vec<_> = topics.iter().map(|progress| (progress.topic, progress.left())).collect();
        caught_up |= left.iter().all(|(_, left)| *left == 0);
        match describe(&standing.borrow_and_update()) {
            Some(why) => followed.set(false, why),
            None if caught_up => followed.set(true, "all partitions"),
            None => followed.set(false, behind(&left)),
        }
        tokio::select! {
            changed = standing.changed() => changed?,
            () = sleep(SAY_AGAIN), if !caught_up => {}
        }
    }
}

fn behind(left: &[(Topic, u64)]) -> String {
    let all: u64 = left.iter().map(|(_, left)| left).sum();
    let of: Vec<_> = left.iter().filter(|(_, left)| *left > 0).collect();
    let of: Vec<_> = of.iter().map(|(topic, left)| format!("{} {}", topic.name(), grouped(*left))).collect();
    format!("being read from the log, {} records behind: {}", grouped(all), of.join(", "))
}

/// With a comma after every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn describe(reasons: &Reasons) -> Option<String> {
    let (part, why) = reasons.first_key_value()?;
    Some(match part {
        Part::File => why.clone(),
        Part::Partition(_, partition) if reasons.len() == 1 => {
            format!("partition {partition} stands still: {why}")
        }
        Part::Partition(topic, partition) => {
            let (count, topic) = (reasons.len(), topic.name());
            format!("{count} partitions stand still, {topic} partition {partition} because {why}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_names_the_topics_that_are_behind() {
        let left = [(Topic::Deliveries, 120_000), (Topic::Attempts, 0), (Topic::Pending, 7)];
        let said = behind(&left);
        assert_eq!(said, "being read from the log, 120,007 records behind: deliveries 120,000, pending 7");
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn offsets_before_the_first_are_not_behind() {
        let (_keep, at) = watch::channel(9);
        let progress = Progress { topic: Topic::Pending, positions: vec![at], first_ends: vec![5] };
        assert_eq!(progress.left(), 0);
    }

    #[test]
    fn what_stands_is_named_with_its_reason() {
        let mut reasons = Reasons::new();
        assert_eq!(describe(&reasons), None);
        reasons.insert(Part::Partition(Topic::Attempts, 3), "no".to_owned());
        assert_eq!(describe(&reasons).as_deref(), Some("partition 3 stands still: no"));
        reasons.insert(Part::Partition(Topic::Deliveries, 4), "neither".to_owned());
        assert!(describe(&reasons).is_some_and(|said| said.starts_with("2 partitions stand still, ")));
        reasons.insert(Part::File, "full".to_owned());
        assert_eq!(describe(&reasons).as_deref(), Some("full"));
    }
}
