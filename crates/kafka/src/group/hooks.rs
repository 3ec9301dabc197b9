//! What the callbacks of a member leave for its driver.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aerogram_telemetry::names;
use rdkafka::TopicPartitionList;
use rdkafka::statistics::{Partition, Statistics};

use crate::sync::lock;

pub(super) type Key = (String, i32);

/// A rebalance the group's protocol wants an answer to.
pub(super) struct Rebalance {
    pub assign: bool,
    /// The partitions may already be another's.
    pub lost: bool,
    pub partitions: Vec<Key>,
}

/// Shared by the callbacks, which run on the polling thread, and the driver.
pub(crate) struct Hooks {
    /// Cut off topic names for metric labels.
    prefix: String,
    rebalances: Mutex<VecDeque<Rebalance>>,
    positions: Mutex<HashMap<Key, Arc<AtomicI64>>>,
}

impl Hooks {
    pub(super) fn new(topic_prefix: &str) -> Self {
        Self { prefix: format!("{topic_prefix}."), rebalances: Mutex::default(), positions: Mutex::default() }
    }

    /// Only hands over: the callback must return for commits to be answered while tasks drain.
    pub(crate) fn rebalance(&self, assign: bool, lost: bool, partitions: &TopicPartitionList) {
        let partitions =
            partitions.elements().iter().map(|p| (p.topic().to_owned(), p.partition())).collect();
        lock(&self.rebalances).push_back(Rebalance { assign, lost, partitions });
    }

    pub(super) fn take_rebalances(&self) -> VecDeque<Rebalance> {
        std::mem::take(&mut *lock(&self.rebalances))
    }

    pub(super) fn assigned(&self, key: Key, position: Arc<AtomicI64>) {
        metrics::gauge!(names::ASSIGNED_PARTITIONS, "topic" => self.label(&key.0)).increment(1.0);
        lock(&self.positions).insert(key, position);
    }

    pub(super) fn released(&self, key: &Key) {
        if lock(&self.positions).remove(key).is_some() {
            metrics::gauge!(names::ASSIGNED_PARTITIONS, "topic" => self.label(&key.0)).decrement(1.0);
            // The new owner measures it from now on.
            self.lag(key, 0);
        }
    }

    /// Measures the lag of what is owned.
    pub(crate) fn measured(&self, statistics: &Statistics) {
        for (key, position) in lock(&self.positions).iter() {
            let topic = statistics.topics.get(&key.0);
            let Some(partition) = topic.and_then(|topic| topic.partitions.get(&key.1)) else { continue };
            self.lag(key, lag_of(partition, position.load(Ordering::Relaxed)));
        }
    }

    fn lag(&self, (topic, partition): &Key, records: i64) {
        let labels = [("topic", self.label(topic)), ("partition", partition.to_string())];
        metrics::gauge!(names::CONSUMER_LAG_RECORDS, &labels).set(records as f64);
    }

    fn label(&self, topic: &str) -> String {
        topic.strip_prefix(&self.prefix).unwrap_or(topic).to_owned()
    }
}

/// Records written and not yet returned to the reader, which has returned everything before `position`.
fn lag_of(partition: &Partition, position: i64) -> i64 {
    // Markers of transactions count as offsets and are never returned.
    let position = if partition.fetchq_cnt == 0 { position.max(partition.next_offset) } else { position };
    // Nothing is known about it before the first fetch.
    (partition.hi_offset - position.max(partition.lo_offset)).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(lo_offset: i64, hi_offset: i64, next_offset: i64, fetchq_cnt: i64) -> Partition {
        Partition { lo_offset, hi_offset, next_offset, fetchq_cnt, ..Partition::default() }
    }

    #[test]
    fn the_lag_counts_what_was_not_returned() {
        assert_eq!(lag_of(&partition(0, 100, 60, 20), 40), 60);
        // All fetched and returned; the last three offsets are markers.
        assert_eq!(lag_of(&partition(0, 100, 100, 0), 97), 0);
        // What was deleted will never be returned.
        assert_eq!(lag_of(&partition(90, 100, 90, 0), 0), 10);
        // Before the first fetch librdkafka says -1001.
        assert_eq!(lag_of(&partition(-1001, -1001, -1001, 0), 5), 0);
    }
}
