//! How far the following is behind, for those who watch.

use std::time::{Duration, Instant};

use aerogram_kafka::Ends;
use aerogram_telemetry::{Said, names};
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::sleep;

use super::standing::Reasons;

/// Between two measurements.
const EVERY: Duration = Duration::from_secs(5);

/// Measures how far the topics are behind, each with the positions of its partitions, until nobody follows them any more.
pub async fn measure(
    ends: Ends,
    topics: Vec<(Topic, Vec<watch::Receiver<i64>>)>,
    followed: watch::Receiver<Reasons>,
) {
    let said = Said::default();
    while followed.has_changed().is_ok() {
        for (topic, positions) in &topics {
            match ends.all_last_stable(*topic).await {
                Ok(ends) => {
                    let behind: i64 =
                        positions.iter().zip(ends).map(|(at, end)| (end - *at.borrow()).max(0)).sum();
                    metrics::gauge!(names::HISTORY_BEHIND_RECORDS, "topic" => topic.name())
                        .set(behind as f64);
                }
                Err(error) => {
                    if let Some(unsaid) = said.may_say(topic.name(), Instant::now()) {
                        let topic = topic.name();
                        tracing::warn!(
                            topic,
                            times_unsaid = unsaid,
                            "how far it is behind is not measured: {error}"
                        );
                    }
                }
            }
        }
        sleep(EVERY).await;
    }
}
