//! What fanout takes from the settings.

use aerogram_settings::{Settings, Store};
use secrecy::SecretString;
use std::time::Duration;

/// How long batches in flight may take to be acknowledged at a stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// The store of duplicates stands in the way of every batch, so it is not waited for as long as elsewhere.
const ANSWER_MAX: Duration = Duration::from_millis(500);

pub struct Options {
    pub group: String,
    pub batch_max: usize,
    pub batches_in_flight_max: usize,
    pub commit_interval: Duration,
    pub drain: Duration,
    pub dedupe: DedupeOptions,
}

pub struct DedupeOptions {
    pub store: Store,
    pub url: SecretString,
    pub key_prefix: String,
    pub ttl: Duration,
    /// Longest wait for one answer.
    pub answer_within: Duration,
}

impl Options {
    pub fn from_settings(settings: &Settings) -> Self {
        let fanout = &settings.fanout;
        Self {
            group: fanout.group.clone(),
            batch_max: fanout.batch_max,
            batches_in_flight_max: fanout.batches_in_flight_max,
            commit_interval: Duration::from_millis(fanout.commit_interval_ms),
            drain: DRAIN_MAX.min(Duration::from_millis(settings.kafka.max_poll_interval_ms / 3)),
            dedupe: DedupeOptions {
                store: fanout.dedupe,
                url: settings.redis.url.clone(),
                key_prefix: settings.redis.key_prefix.clone(),
                ttl: Duration::from_millis(fanout.dedupe_ttl_ms),
                answer_within: ANSWER_MAX.min(Duration::from_millis(settings.redis.command_timeout_ms)),
            },
        }
    }
}
