//! The one home of metric names. Labels have few values each: never a subscription, operator, URL, host or id.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

/// What kind of metric a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations of requests, in seconds.
    RequestSeconds,
    /// Ages, up to a day, in seconds.
    AgeSeconds,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Label names.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Upper bounds of buckets for requests, in seconds.
pub const REQUEST_BUCKETS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0];

/// Upper bounds of buckets for ages, in seconds.
pub const AGE_BUCKETS: [f64; 17] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0,
    86_400.0,
];

macro_rules! metrics_table {
    ($($name:ident = $text:literal, $kind:ident, [$($label:literal),*], $help:literal;)+) => {
        $(#[doc = $help] pub const $name: &str = $text;)+

        /// Every metric there is.
        pub const TABLE: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help }),+
        ];
    };
}

metrics_table! {
    BUILD_INFO = "aerogram_build_info", Gauge, ["version", "role"], "Always 1; says what runs";
    CONSUMER_LAG_RECORDS = "aerogram_consumer_lag_records", Gauge, ["topic", "partition"], "Records of a partition not yet consumed";
    RECORDS_CONSUMED_TOTAL = "aerogram_records_consumed_total", Counter, ["topic", "outcome"], "Records consumed";
    RECORDS_PRODUCED_TOTAL = "aerogram_records_produced_total", Counter, ["topic", "outcome"], "Records produced, by how it ended";
    ASSIGNED_PARTITIONS = "aerogram_assigned_partitions", Gauge, ["topic"], "Partitions this process owns";
    REBALANCES_TOTAL = "aerogram_rebalances_total", Counter, ["event"], "Assignments, revocations and losses of partitions";
    COMMITS_TOTAL = "aerogram_commits_total", Counter, ["outcome"], "Commits of offsets";
    INGEST_REJECTED_TOTAL = "aerogram_ingest_rejected_total", Counter, ["reason"], "Events that could not be accepted";
    INGEST_SCHEMA_WARNINGS_TOTAL = "aerogram_ingest_schema_warnings_total", Counter, ["type"], "Events accepted although their data does not fit the JSON Schema of their type";
    FANOUT_MATCHES_TOTAL = "aerogram_fanout_matches_total", Counter, [], "Deliveries that matching made";
    FANOUT_DUPLICATES_TOTAL = "aerogram_fanout_duplicates_total", Counter, [], "Events recognised as duplicates";
    DELIVERY_ATTEMPTS_TOTAL = "aerogram_delivery_attempts_total", Counter, ["outcome", "kind"], "HTTP attempts; kind is first or retry";
    DELIVERY_ATTEMPT_DURATION_SECONDS = "aerogram_delivery_attempt_duration_seconds", RequestSeconds, [], "Duration of one HTTP attempt";
    DELIVERIES_TOTAL = "aerogram_deliveries_total", Counter, ["result"], "Deliveries that ended, by how";
    END_TO_END_SECONDS = "aerogram_end_to_end_seconds", AgeSeconds, [], "From the acceptance of an event to a delivery's success";
    LIMITED_TOTAL = "aerogram_limited_total", Counter, ["kind"], "Times a rate limit began to hold a subscription back; kind is subscription or host";
    LEASES_TOTAL = "aerogram_leases_total", Counter, ["result"], "Questions for tokens of rate limits that all deliverers share: granted, none or failed";
    HELD_BYTES = "aerogram_held_bytes", Gauge, ["kind"], "Bytes a deliverer holds in memory; kind is deliveries, or settled for what it remembers as such";
    HELD_BYTES_MAX = "aerogram_held_bytes_max", Gauge, ["kind"], "The most bytes a deliverer held at a time since it started; kind as of aerogram_held_bytes";
    REQUESTS_IN_FLIGHT = "aerogram_requests_in_flight", Gauge, [], "HTTP attempts begun and not ended";
    ESCALATIONS_TOTAL = "aerogram_escalations_total", Counter, ["reason"], "Deliveries given up and handed to people";
    ESCALATIONS_OPEN = "aerogram_escalations_open", Gauge, ["fault"], "Escalations nobody has dealt with, as this process knows them, by whose fault they are: receiver or platform";
    PENDING = "aerogram_pending", Gauge, ["state"], "Deliveries that wait, by state";
    PENDING_PAYLOADS = "aerogram_pending_payloads", Gauge, ["where"], "Payloads of deliveries that wait: in the store, or only in the log";
    PAYLOADS_READ_BACK_TOTAL = "aerogram_payloads_read_back_total", Counter, ["result"], "Payloads looked for where the log has them: read, or gone because something newer superseded them";
    STORE_PARTITIONS = "aerogram_store_partitions", Gauge, ["state"], "Partitions of what waits, by their store: enough (it keeps every payload), positions (of some only where they stand), full, or away";
    LANES = "aerogram_lanes", Gauge, ["state"], "Subscriptions whose parked deliveries flow back by credits: paced, or shut while their receiver fails";
    SCHEDULE_LATENESS_SECONDS = "aerogram_schedule_lateness_seconds", AgeSeconds, [], "From the due time of a retry to its firing";
    COMMANDS_TOTAL = "aerogram_commands_total", Counter, ["outcome"], "Commands handled";
    SUBSCRIPTIONS_FAILING = "aerogram_subscriptions_failing", Gauge, [], "Active subscriptions whose receivers are noted as failing, as this process of api knows them";
    SUBSCRIPTIONS_DEACTIVATED_TOTAL = "aerogram_subscriptions_deactivated_total", Counter, ["reason"], "Subscriptions that the system made inactive: gone (410) or gave_up (failing for too long)";
    HISTORY_BEHIND_RECORDS = "aerogram_history_behind_records", Gauge, ["topic"], "Records that this process of api has not read yet of the topics that its lists are made of";
    TASKS_RUNNING = "aerogram_tasks_running", Gauge, ["kind"], "Tasks under way, as this process of api knows them; kind is redelivery or replay";
    TASKS_SENT_TOTAL = "aerogram_tasks_sent_total", Counter, ["kind"], "Deliveries that tasks sent again from this process; kind as of aerogram_tasks_running";
    SUBSCRIPTIONS = "aerogram_subscriptions", Gauge, ["status"], "Subscriptions known to this process";
    HTTP_SERVER_DURATION_SECONDS = "aerogram_http_server_duration_seconds", RequestSeconds, ["route", "status"], "Duration of requests served";
    LOGINS_FAILED_TOTAL = "aerogram_logins_failed_total", Counter, ["kind"], "Requests with a token that is wrong, by what it was meant for: subscriber, admin or publisher";
    REQUESTS_LIMITED_TOTAL = "aerogram_requests_limited_total", Counter, ["kind"], "Requests answered with 429, by the limit: client, or logins for wrong ones";
    CREDENTIALS_STALE = "aerogram_credentials_stale", Gauge, [], "1 while the credentials file cannot be used as it is and what it said before is in force";
    CREDENTIALS_VALID_FOR = "aerogram_credentials_valid_for", Gauge, [], "Seconds until the next of the credentials in force expires; infinite when none does";
    REDIS_COMMAND_DURATION_SECONDS = "aerogram_redis_command_duration_seconds", RequestSeconds, ["command"], "Duration of Redis commands";
    PROCESS_CPU_SECONDS_TOTAL = "process_cpu_seconds_total", Counter, [], "CPU time spent in user and kernel mode";
    PROCESS_RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes", Gauge, [], "Resident memory";
}

/// Counters of what is rare and worth an alarm, the label of each and its values. They begin at 0 when the process does: a
/// counter that appears with its first event has a rate of 0, and nobody hears of it.
pub const FROM_ZERO: &[(&str, &str, &[&str])] = &[
    (ESCALATIONS_TOTAL, "reason", &["exhausted", "gone", "platform", "gave_up", "other"]),
    (LEASES_TOTAL, "result", &["granted", "none", "failed"]),
    (SUBSCRIPTIONS_DEACTIVATED_TOTAL, "reason", &["gone", "gave_up"]),
    (LOGINS_FAILED_TOTAL, "kind", &["subscriber", "admin", "publisher"]),
    (REQUESTS_LIMITED_TOTAL, "kind", &["client", "logins"]),
];

/// Records those of [`FROM_ZERO`] as 0, unless they were counted before.
pub fn begin_at_zero() {
    for (name, label, values) in FROM_ZERO {
        for value in *values {
            counter!(*name, *label => *value).increment(0);
        }
    }
}

/// Tells the recorder the help text and unit of every metric it records; those of the process are rendered with
/// their own at each scrape.
pub fn describe_all() {
    for metric in TABLE.iter().filter(|metric| metric.name.starts_with("aerogram_")) {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::RequestSeconds | Kind::AgeSeconds => {
                describe_histogram!(metric.name, Unit::Seconds, metric.help);
            }
        }
    }
}
