//! What the readiness says of those who follow: how far they are, and what stands still.

use std::convert::Infallible;
use std::time::Duration;

use aerogram_domain::time::iso_millis;
use aerogram_kafka::{Ends, ReadError};
use aerogram_projection::Projection;
use aerogram_telemetry::Condition;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::sleep;

use super::standing::{Part, Reasons};

/// How often the readiness says how far the reading is.
const SAY_AGAIN: Duration = Duration::from_millis(500);

/// How often it says again how far back history reaches.
const SAY_LATER: Duration = Duration::from_secs(10);

/// What is said of a group that is followed.
const ALL: &str = "all partitions";

/// How far a topic is.
pub struct Progress {
    pub topic: Topic,
    /// In the order of the partitions.
    pub positions: Vec<watch::Receiver<i64>>,
    /// The generation of history that each follows.
    pub begun: Vec<watch::Receiver<u64>>,
    /// Where the partitions ended when the following began.
    pub first_ends: Vec<i64>,
}

impl Progress {
    /// Offsets that are still to be read of what was there when this generation began.
    fn left(&self, generation: u64) -> u64 {
        let all = self.positions.iter().zip(&self.begun).zip(&self.first_ends);
        // What was reached before is worth nothing.
        let left = all.map(|((at, begun), end)| match *begun.borrow() == generation {
            true => end - *at.borrow(),
            false => (*end).max(1),
        });
        left.map(|left| u64::try_from(left).unwrap_or(0)).sum()
    }
}

/// What makes history anew.
pub struct MadeAnew {
    pub ends: Ends,
    pub projection: Projection,
}

impl MadeAnew {
    /// Where the topics end now, so that all that was in them is read when that is reached.
    async fn ask(&self, topics: &mut [Progress]) -> Result<(), ReadError> {
        for progress in topics {
            progress.first_ends = self.ends.all_last_stable(progress.topic).await?;
        }
        Ok(())
    }

    /// What is to be said when everything is followed.
    async fn text(&self) -> String {
        match self.projection.untold_until_ms().await {
            Ok(until_ms) if until_ms > 0 => format!(
                "all partitions; what ended of what was issued before {} is not told, for the log did not go on where it was \
                 read",
                iso_millis(until_ms)
            ),
            _ => ALL.to_owned(),
        }
    }
}

/// Says how far the first reading is, and what stands still; of history also of every later reading that makes it anew, at whose
/// end it is told of again. Ends with those who follow.
pub async fn say(
    followed: Condition,
    mut topics: Vec<Progress>,
    mut standing: watch::Receiver<Reasons>,
    anew: Option<MadeAnew>,
) -> Result<Infallible, watch::error::RecvError> {
    let (_never, nothing) = watch::channel(0);
    let mut made_anew = anew.as_ref().map_or(nothing, |anew| anew.projection.made_anew());
    let (mut caught_up, mut generation) = (false, *made_anew.borrow());
    loop {
        let now = *made_anew.borrow_and_update();
        if let Some(anew) = anew.as_ref().filter(|_| now != generation) {
            caught_up = false;
            followed.set(false, "being made anew from the log");
            if let Err(error) = anew.ask(&mut topics).await {
                tracing::warn!("history is told of again when the ends of its topics are known: {error}");
                sleep(SAY_AGAIN).await;
                continue;
            }
            generation = now;
        }
        let left: Vec<_> =
            topics.iter().map(|progress| (progress.topic, progress.left(generation))).collect();
        if !caught_up && left.iter().all(|(_, left)| *left == 0) {
            caught_up = true;
            if let Some(anew) = &anew {
                anew.projection.whole_again(generation);
            }
        }
        let why = describe(&standing.borrow_and_update());
        match (why, &anew) {
            (Some(why), _) => followed.set(false, why),
            (None, Some(anew)) if caught_up => followed.set(true, anew.text().await),
            (None, None) if caught_up => followed.set(true, ALL),
            (None, _) => followed.set(false, behind(&left)),
        }
        tokio::select! {
            changed = standing.changed() => changed?,
            Ok(()) = made_anew.changed() => {}
            () = sleep(if caught_up { SAY_LATER } else { SAY_AGAIN }), if !caught_up || anew.is_some() => {}
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
        let (follows, begun) = watch::channel(0);
        let progress =
            Progress { topic: Topic::Pending, positions: vec![at], begun: vec![begun], first_ends: vec![5] };
        assert_eq!(progress.left(0), 0);
        // It is made anew, and not begun yet.
        assert_eq!(progress.left(1), 5);
        follows.send_replace(1);
        assert_eq!(progress.left(1), 0);
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
