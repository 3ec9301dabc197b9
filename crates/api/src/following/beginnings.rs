//! Asking where the log of a topic begins: what retention has taken is to go from the projection as well.

use std::time::{Duration, Instant};

use aerogram_kafka::Ends;
use aerogram_telemetry::Said;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::sleep;

/// The first offset at which there is a record, or may be, in the order of the partitions.
pub async fn ask(ends: Ends, topic: Topic, begins: Vec<watch::Sender<i64>>, every: Duration) {
    let said = Said::default();
    loop {
        sleep(every).await;
        for (partition, begins_at) in (0..).zip(&begins) {
            // No record is older than 1970.
            match ends.at_time(topic, partition, 0).await {
                Ok(offset) => {
                    begins_at.send_if_modified(|known| std::mem::replace(known, offset) != offset);
                }
                Err(error) => {
                    if let Some(unsaid) = said.may_say("", Instant::now()) {
                        tracing::warn!(
                            topic = topic.name(),
                            partition,
                            times_unsaid = unsaid,
                            "what retention has taken stays in the projection until the topic's beginning is known: {error}"
                        );
                    }
                }
            }
        }
    }
}
