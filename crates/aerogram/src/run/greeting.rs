//! What a person reads who started it.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aerogram_settings::{Role, Settings, Store};
use aerogram_telemetry::Health;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is told beside the settings.
pub struct Greeting {
    pub began: Instant,
    pub embedded: bool,
    /// The file with the tokens in clear, where they are ours.
    pub tokens: Option<PathBuf>,
}

/// Says what listens where, and what this is not for.
pub fn say_what_listens(settings: &Settings, greeting: &Greeting) {
    let topics: Vec<&str> = settings.ingest.sources.iter().map(|source| source.topic.as_str()).collect();
    let topics = if topics.is_empty() { "none configured".to_owned() } else { topics.join(", ") };
    let kind =
        if greeting.embedded { ", the embedded broker: for one machine, not for production" } else { "" };
    let admin = settings.telemetry.admin_listen_of(Role::All);
    let waits = match settings.scheduler.store {
        Store::Memory => "in memory, rebuilt from the log at every start",
        Store::Redis => "in Redis",
    };
    let portal = match settings.api.portal {
        true => format!(
            "http://{}/portal/, sign in with an application and its operator's token",
            settings.api.listen
        ),
        false => "none (api.portal)".to_owned(),
    };
    let mut lines = vec![
        format!("Aerogram {}: all roles in one process", env!("CARGO_PKG_VERSION")),
        format!("  Kafka          {}{kind}", settings.kafka.brokers),
        format!("  events from    topics: {topics}"),
        format!("                 POST http://{}/v1/events", settings.ingest.listen),
        format!("  portal         {portal}"),
        format!("  subscriptions  http://{}/api/v2/webhooks/subscriptions", settings.api.listen),
        format!("  API to browse  http://{}/api/v2/webhooks/docs/", settings.api.listen),
        format!("  health         http://{admin}/readyz, metrics at /metrics"),
        format!("  what waits     {waits}"),
        format!("  data           {}", settings.embedded.data_dir.display()),
    ];
    if let Some(tokens) = &greeting.tokens {
        lines.push(format!("  tokens         {}", tokens.display()));
    }
    say(&lines.join("\n"));
}

/// Says when everything is ready, and from then on nothing.
pub async fn say_when_ready(health: Health, began: Instant) {
    while !health.is_ready() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say(&format!("Ready after {:.1} s. Ctrl-C stops it.", began.elapsed().as_secs_f64()));
}

fn say(text: &str) {
    // A reader that closed the pipe has had what it wanted.
    let _ = writeln!(std::io::stdout(), "{text}");
}
