//! What ingest takes from the settings.

use crate::sources::{Intake, Source};
use aerogram_credentials::InForce;
use aerogram_settings::Settings;
use aerogram_telemetry::Health;
use ipnet::IpNet;
use std::{sync::Arc, time::Duration};

/// Time between commits of an upstream partition.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// How long what is in flight may take to be acknowledged at a stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

pub struct Options {
    pub group: String,
    pub sources: Vec<Arc<Source>>,
    /// Of all partitions together.
    pub in_flight_max: usize,
    pub drain: Duration,
    pub http: HttpOptions,
}

pub struct HttpOptions {
    pub listen: String,
    pub max_body_bytes: usize,
    /// How long a request waits for Kafka's acknowledgement.
    pub acknowledge_within: Duration,
    pub credentials: InForce,
    /// Wrong tokens, at most: of one address.
    pub failed_logins_per_minute: u64,
    /// They say where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    pub intake: Arc<Intake>,
}

impl Options {
    /// # Errors
    /// The files of event types or the credentials file cannot be read, or they or the mappings hold mistakes: all of them
    /// are told, but credentials speak of event types, so mistakes in those come first.
    pub async fn from_settings(settings: &Settings, health: &Health) -> anyhow::Result<Self> {
        let ingest = &settings.ingest;
        let intake = Arc::new(Intake::from_settings(settings)?);
        let credentials = InForce::open(&settings.credentials, &intake.catalogue, health).await?;
        Ok(Self {
            group: ingest.group.clone(),
            sources: intake.sources.clone(),
            in_flight_max: ingest.in_flight_max,
            drain: DRAIN_MAX.min(Duration::from_millis(settings.kafka.max_poll_interval_ms / 3)),
            http: HttpOptions {
                listen: ingest.listen.clone(),
                max_body_bytes: ingest.http_max_body_bytes,
                acknowledge_within: Duration::from_millis(settings.kafka.write_expiry_ms),
                credentials,
                failed_logins_per_minute: ingest.failed_logins_per_minute,
                trusted_proxies: ingest.trusted_proxies.clone(),
                intake,
            },
        })
    }
}
