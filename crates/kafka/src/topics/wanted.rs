//! What the internal topics should be.

use aerogram_settings::Settings;
use aerogram_wire::topic::Retention;
use aerogram_wire::{Layout, Topic};

use crate::client::record_bytes_max;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Segments of compacted topics: only closed segments are compacted, so they are small and short-lived.
const COMPACTED_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Compaction begins when this share is superseded.
const DIRTY_RATIO: &str = "0.1";

/// A topic as it should be.
pub(super) struct Wanted {
    pub topic: Topic,
    pub name: String,
    pub partitions: i32,
    pub replication: i32,
    pub config: Vec<(&'static str, String)>,
}

/// Every internal topic.
pub(super) fn topics(settings: &Settings) -> Vec<Wanted> {
    let layout = Layout {
        layout_id: String::new(),
        partitions: settings.topics.partitions,
        event_partitions: settings.topics.event_partitions,
    };
    let wanted = |topic: Topic| Wanted {
        topic,
        name: topic.full_name(&settings.kafka.topic_prefix),
        partitions: layout.partitions_of(topic),
        replication: settings.topics.replication_factor,
        config: config(topic, settings),
    };
    Topic::ALL.into_iter().map(wanted).collect()
}

fn config(topic: Topic, settings: &Settings) -> Vec<(&'static str, String)> {
    let topics = &settings.topics;
    let mut config = vec![
        // Horizons and starting points are times of the broker.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("min.insync.replicas", topics.min_insync_replicas.to_string()),
        ("max.message.bytes", record_bytes_max(settings).to_string()),
    ];
    let kept_ms = match topic.retention() {
        Retention::Time => Some(topics.retention_ms),
        Retention::LongTime => Some(topics.escalations_retention_ms),
        Retention::Day => Some(DAY_MS),
        Retention::Compacted => None,
    };
    match kept_ms {
        Some(kept_ms) => config.extend([
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", kept_ms.to_string()),
            // Whole segments are deleted, so they must not live much longer than what they hold.
            ("segment.ms", (kept_ms / 8).clamp(60_000, DAY_MS).to_string()),
        ]),
        None => config.extend([
            ("cleanup.policy", "compact".to_owned()),
            ("delete.retention.ms", topics.delete_retention_ms.to_string()),
            ("segment.ms", topics.delete_retention_ms.clamp(60_000, HOUR_MS).to_string()),
            ("segment.bytes", COMPACTED_SEGMENT_BYTES.to_string()),
            ("min.cleanable.dirty.ratio", DIRTY_RATIO.to_owned()),
        ]),
    }
    config
}

/// The groups whose first offset is 0, with the topics that drive them.
pub(super) fn first_offsets(settings: &Settings) -> Vec<(&str, Topic)> {
    vec![
        (&settings.fanout.group, Topic::Events),
        (&settings.deliverer.group, Topic::Deliveries),
        (&settings.scheduler.group, Topic::Pending),
        (&settings.scheduler.group, Topic::Events),
        (&settings.api.group, Topic::Commands),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(topic: Topic, key: &str) -> Option<String> {
        let config = config(topic, &Settings::default());
        config.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    #[test]
    fn compacted_topics_are_never_deleted_by_time() {
        for topic in Topic::ALL {
            let compacted = topic.retention() == Retention::Compacted;
            let policy = if compacted { "compact" } else { "delete" };
            assert_eq!(value(topic, "cleanup.policy").as_deref(), Some(policy), "{topic:?}");
            assert_eq!(value(topic, "retention.ms").is_some(), !compacted, "{topic:?}");
            assert_eq!(value(topic, "message.timestamp.type").as_deref(), Some("LogAppendTime"));
        }
    }

    #[test]
    fn an_event_of_the_largest_size_fits_twice() {
        let largest = Settings::default().ingest.max_event_bytes;
        let limit: usize = value(Topic::Pending, "max.message.bytes").unwrap().parse().unwrap();
        assert!(limit > 2 * largest);
    }
}
