//! What `aerogram run` takes for granted where the configuration says nothing.

use aerogram_settings::{EmbeddedSettings, SchemaCheck, Settings, SourceSettings};

use super::data_dir::DataDir;
use crate::options::RunArgs;

/// File of api's projection in the data directory.
const PROJECTION: &str = "projection.sqlite";

/// Defaults below file, environment and flags, `KEY=VALUE` each; some for the embedded broker only.
pub fn of(args: &RunArgs, embedded: bool) -> Vec<String> {
    let mut defaults = vec![
        format!("kafka.brokers={}", EmbeddedSettings::BROKERS),
        // The start after a kill waits this long for its predecessor's partitions, and there is no other process that
        // would work meanwhile.
        "kafka.session_timeout_ms=6000".to_owned(),
        "deliverer.lease_margin_ms=2000".to_owned(),
        // Whoever begins wants to hear that data does not fit its type.
        "ingest.http_schema_check=warn".to_owned(),
        "telemetry.log_format=text".to_owned(),
        "telemetry.log_filter=warn".to_owned(),
    ];
    if embedded {
        defaults.extend(
            [
                // It waits this long for a member whose connection dies while it joins.
                "kafka.max_poll_interval_ms=30000",
                // Another Kafka may be shared with separate roles, which have the usual counts.
                "topics.partitions=6",
                "topics.event_partitions=6",
            ]
            .map(str::to_owned),
        );
    }
    if args.redis.is_none() {
        defaults.extend(["scheduler.store=memory", "fanout.dedupe=memory"].map(str::to_owned));
    }
    defaults
}

/// What depends on the data directory and was not configured.
pub fn complete(settings: &mut Settings, dir: &DataDir) {
    settings.api.projection_path.get_or_insert_with(|| dir.join(PROJECTION));
}

/// Every setting, and where this command begins from other values.
pub fn list_text(defaults: &[String]) -> String {
    let own = defaults.join("\n    ");
    format!("{}\n`aerogram run` has defaults of its own:\n    {own}\n", Settings::list_text().trim_end())
}

/// Sources for topics that carry CloudEvents, each a publisher of its own name.
pub fn sources(topics: &[String]) -> Vec<SourceSettings> {
    topics
        .iter()
        .map(|topic| SourceSettings {
            topic: topic.clone(),
            scope: topic.clone(),
            schema_check: SchemaCheck::Warn,
            ..Default::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_lies_in_the_data_directory_unless_it_has_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(dir.path()).unwrap();
        let mut settings = Settings::default();
        complete(&mut settings, &dir);
        assert_eq!(settings.api.projection_path, Some(dir.join("projection.sqlite")));
        settings.api.projection_path = Some("elsewhere".into());
        complete(&mut settings, &dir);
        assert_eq!(settings.api.projection_path, Some("elsewhere".into()));
    }
}
