//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Measures the pipeline against the bare HTTP client. Kafka and Redis come from AEROGRAM_TEST_KAFKA (host:port) and
/// AEROGRAM_TEST_REDIS (a URL), as scripts/bench.sh sets them.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Options {
    /// Events of the backlog.
    #[arg(long, default_value_t = 60_000)]
    pub events: usize,
    /// Requests in flight: of the bare client, and of the deliverer.
    #[arg(long, default_value_t = 96)]
    pub concurrency: usize,
    /// Partitions of the internal topics; each has one subscription.
    #[arg(long, default_value_t = 12)]
    pub partitions: usize,
    /// Bytes of each event's data, about.
    #[arg(long, default_value_t = 400)]
    pub data_bytes: usize,
    /// How long the bare client posts, twice, in seconds.
    #[arg(long, default_value_t = 8)]
    pub raw_s: u64,
    /// Events a second for the latency.
    #[arg(long, default_value_t = 200)]
    pub latency_rate: u64,
    /// How long latency is measured, in seconds.
    #[arg(long, default_value_t = 20)]
    pub latency_s: u64,
    /// Subscriptions that are created and deleted under load.
    #[arg(long, default_value_t = 5)]
    pub control_rounds: usize,
    /// Events a second for ten receivers, one of them dead and one slow, and beside a backlog.
    #[arg(long, default_value_t = 100)]
    pub neighbours_rate: u64,
    /// How long their latency is measured, six times, in seconds.
    #[arg(long, default_value_t = 10)]
    pub neighbours_s: u64,
    /// Deliveries of the backlog of one subscription, and of the mass disruption of one operator.
    #[arg(long, default_value_t = 20_000)]
    pub flood_events: usize,
    /// Deliveries in the history.
    #[arg(long, default_value_t = 5_000_000, global = true)]
    pub history_rows: u64,
    /// Where the figures go.
    #[arg(long, global = true, default_value = "benches/results/latest.json")]
    pub output: PathBuf,
    /// The benchmark gives up after so many seconds.
    #[arg(long, default_value_t = 1_800)]
    pub limit_s: u64,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// The receiver, started by the benchmark as a process of its own so that its CPU time is its own.
    #[command(hide = true)]
    Receiver {
        /// Where its certificate authority goes.
        dir: PathBuf,
    },
    /// Only the history of deliveries, which needs neither Kafka nor Redis; its figures take their place among the others.
    History,
}

impl Options {
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_s)
    }
}
