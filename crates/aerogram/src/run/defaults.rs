//! What `aerogram run` takes for granted where the configuration says nothing.

use aerogram_settings::{EmbeddedSettings, SourceSettings};

use crate::options::RunArgs;

/// Defaults below file, environment and flags, `KEY=VALUE` each.
pub fn of(args: &RunArgs) -> Vec<String> {
    let mut defaults = vec![
        format!("kafka.brokers={}", EmbeddedSettings::BROKERS),
        // The embedded broker waits this long for a member whose connection dies while it joins.
        "kafka.max_poll_interval_ms=30000".to_owned(),
        // With --kafka, the start after a kill waits this long for its predecessor's partitions, and there is no other
        // process that would work meanwhile.
        "kafka.session_timeout_ms=6000".to_owned(),
        "deliverer.lease_margin_ms=2000".to_owned(),
        "topics.partitions=6".to_owned(),
        "topics.event_partitions=6".to_owned(),
        "telemetry.log_format=text".to_owned(),
        "telemetry.log_filter=warn".to_owned(),
    ];
    if args.redis.is_none() {
        defaults.extend(["scheduler.store=memory", "fanout.dedupe=memory"].map(str::to_owned));
    }
    defaults
}

/// Sources for topics that carry CloudEvents, each a publisher of its own name.
pub fn sources(topics: &[String]) -> Vec<SourceSettings> {
    topics
        .iter()
        .map(|topic| SourceSettings { topic: topic.clone(), scope: topic.clone(), ..Default::default() })
        .collect()
}
