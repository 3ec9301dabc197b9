//! What ingest takes from the settings.

use aerogram_domain::{
    credentials::{Credentials, Operators},
    intake::{Format, Policy},
};
use aerogram_settings::{Settings, SourceFormat, SourceSettings};
use anyhow::{Context as _, bail};
use std::{path::Path, time::Duration};

/// Time between commits of an upstream partition.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// How long what is in flight may take to be acknowledged at a stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

pub struct Options {
    pub group: String,
    pub sources: Vec<Source>,
    /// Of all partitions together.
    pub in_flight_max: usize,
    pub drain: Duration,
    pub http: HttpOptions,
}

/// An upstream topic.
pub struct Source {
    pub topic: String,
    pub format: Format,
    pub policy: Policy,
}

pub struct HttpOptions {
    pub listen: String,
    pub max_body_bytes: usize,
    pub max_event_bytes: usize,
    /// How long a request waits for Kafka's acknowledgement.
    pub acknowledge_within: Duration,
    pub credentials: Credentials,
}

impl Options {
    /// # Errors
    /// The credentials file cannot be read, or holds mistakes: all of them are told.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let ingest = &settings.ingest;
        let credentials = match &settings.credentials.file {
            Some(file) => read_credentials(file)?,
            None => Credentials::default(),
        };
        Ok(Self {
            group: ingest.group.clone(),
            sources: ingest
                .sources
                .iter()
                .map(|source| Source::new(source, ingest.max_event_bytes))
                .collect(),
            in_flight_max: ingest.in_flight_max,
            drain: DRAIN_MAX.min(Duration::from_millis(settings.kafka.max_poll_interval_ms / 3)),
            http: HttpOptions {
                listen: ingest.listen.clone(),
                max_body_bytes: ingest.http_max_body_bytes,
                max_event_bytes: ingest.max_event_bytes,
                acknowledge_within: Duration::from_millis(settings.kafka.write_expiry_ms),
                credentials,
            },
        })
    }
}

impl Source {
    fn new(settings: &SourceSettings, max_event_bytes: usize) -> Self {
        let format = match settings.format {
            SourceFormat::CloudEvents => Format::CloudEvents,
            SourceFormat::Protobuf => Format::Protobuf,
        };
        let operators = Operators::from_list(&settings.operators);
        let policy = Policy { scope: settings.scope.clone(), operators, max_event_bytes };
        Self { topic: settings.topic.clone(), format, policy }
    }
}

fn read_credentials(file: &Path) -> anyhow::Result<Credentials> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| {
        format!("credentials.file {shown} cannot be read; name a readable file or leave the key out")
    })?;
    match Credentials::parse(&text) {
        Ok(credentials) => Ok(credentials),
        Err(problems) => {
            let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            bail!("credentials.file {shown} holds mistakes:{lines}");
        }
    }
}
