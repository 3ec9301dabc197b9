//! The properties of the clients.

use std::time::Duration;

use aerogram_settings::{KafkaSettings, Settings};
use rdkafka::ClientConfig;

/// Memory of records waiting to be acknowledged, for each producer.
const PRODUCER_QUEUE_KBYTES: u32 = 64 * 1024;
/// Records waiting to be acknowledged, for each producer.
const PRODUCER_QUEUE_RECORDS: u32 = 100_000;
/// The largest answer to a fetch of one partition; the broker lets a larger single record through nevertheless.
const FETCH_BYTES_MAX: u32 = 1024 * 1024;
/// A member learns of a rebalance by the answer to a heartbeat, so that partitions rest about as long when members come
/// and go.
const HEARTBEAT_MAX_MS: u64 = 1_000;
/// Time between measurements of the lag.
const STATISTICS_INTERVAL_MS: u32 = 5_000;

/// The largest record of an internal topic, in bytes: an event, doubled for what encoding and history add, and room for
/// what records hold besides.
pub(crate) fn record_bytes_max(settings: &Settings) -> usize {
    settings.ingest.max_event_bytes * 2 + 1024 * 1024
}

/// Makes the properties of each kind of client: first ours that may be changed, then the user's, then those that
/// correctness needs.
#[derive(Clone)]
pub(crate) struct Clients {
    kafka: KafkaSettings,
    record_bytes_max: usize,
}

impl Clients {
    pub fn new(settings: &Settings) -> Self {
        Self { kafka: settings.kafka.clone(), record_bytes_max: record_bytes_max(settings) }
    }

    pub fn kafka(&self) -> &KafkaSettings {
        &self.kafka
    }

    pub fn session_timeout(&self) -> Duration {
        Duration::from_millis(self.kafka.session_timeout_ms)
    }

    /// A consumer that only asks for offsets and metadata. Also what administers.
    pub fn asking(&self, isolation: &str) -> ClientConfig {
        let mut config = self.begin();
        config.set("isolation.level", isolation).set("allow.auto.create.topics", "false");
        config
    }

    /// A consumer that is given partitions by hand. librdkafka demands a group for that; it never commits nor joins.
    pub fn reading(&self) -> ClientConfig {
        let queued_kbytes = self.kafka.queued_max_kbytes_per_partition;
        let fetch_bytes = queued_kbytes.saturating_mul(1024).min(FETCH_BYTES_MAX);
        let mut config = self.asking("read_committed");
        config
            .set("group.id", format!("{}-readers", self.kafka.topic_prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", self.kafka.fetch_wait_max_ms.to_string())
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.message.max.bytes", fetch_bytes.to_string())
            .set("queued.max.messages.kbytes", queued_kbytes.to_string());
        config
    }

    /// A member of a group. `external` topics are those of others: without a commit they are read from the beginning.
    pub fn member(&self, group: &str, external: bool) -> ClientConfig {
        let session_ms = self.kafka.session_timeout_ms;
        let mut config = self.reading();
        config
            .set("group.id", group)
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session_ms.to_string())
            .set("heartbeat.interval.ms", (session_ms / 3).clamp(1, HEARTBEAT_MAX_MS).to_string())
            .set("max.poll.interval.ms", self.kafka.max_poll_interval_ms.max(session_ms).to_string())
            .set("auto.offset.reset", if external { "earliest" } else { "error" })
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS.to_string());
        config
    }

    /// A producer whose records are tried for ever, or given up after `expiry`.
    pub fn writing(&self, expiry: Option<Duration>) -> ClientConfig {
        let mut config = self.producing();
        config.set("message.timeout.ms", expiry.map_or(0, |expiry| expiry.as_millis()).to_string());
        config
    }

    /// A producer whose transactions the broker aborts after `timeout`.
    pub fn transacting(&self, transactional_id: &str, timeout: Duration) -> ClientConfig {
        let mut config = self.producing();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", timeout.as_millis().to_string());
        config
    }

    fn producing(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("queue.buffering.max.kbytes", PRODUCER_QUEUE_KBYTES.to_string())
            .set("queue.buffering.max.messages", PRODUCER_QUEUE_RECORDS.to_string())
            .set("compression.type", "zstd");
        self.finish(&mut config);
        config
            .set("message.max.bytes", self.record_bytes_max.to_string())
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", self.kafka.linger_ms.to_string());
        config
    }

    fn begin(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        self.finish(&mut config);
        config
    }

    fn finish(&self, config: &mut ClientConfig) {
        config
            .set("client.id", "aerogram")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
        for (name, value) in self.kafka.properties.iter() {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.kafka.brokers);
    }
}
