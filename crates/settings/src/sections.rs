//! Every setting, declared once: name, type, default, what is allowed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::declare::settings;
use crate::hosts::Hosts;
use crate::ports::Ports;
use crate::profiles::{PolicySettings, ProfileSettings};
use crate::rules::{
    any, at_most, between, brokers, hosts, listen, listen_or_empty, maybe_between, maybe_pointer, networks,
    pointer, pointer_or_empty, properties, some_of, such, text, topic_name, type_names,
};
use crate::values::{LogFormat, Properties, SchemaCheck, SourceFormat, Store, TypeNames};

const MIB: usize = 1024 * 1024;
const DAY_MS: u64 = 86_400_000;
/// Ten years: long enough for every wait, short enough that sums never overflow.
pub(crate) const LONGEST_MS: u64 = 3_650 * DAY_MS;
/// A million a second: one every microsecond.
pub(crate) const PER_MINUTE_MAX: u64 = 60_000_000;
pub(crate) const BURST_MAX: u64 = 1_000_000;

settings! {
    /// The whole configuration of a process; each role reads the sections it needs.
    Settings {
        /// Custom retry policies by name, beside the built-in `standard` and `staffing`.
        policies: BTreeMap<String, PolicySettings> = BTreeMap::new(), at_most(100, "policies by name, or JSON of them");
        /// What subscriptions get that do not say it themselves, by their profile: `flight`, `portal`, `order`, `staffing`.
        profiles: BTreeMap<String, ProfileSettings> = BTreeMap::new(), at_most(4, "profiles by name, or JSON of them");
        /// Limits of what receives, by its host as it stands in callback URLs: `[hosts."hooks.example.com"]` for all its ports
        /// together, `[hosts."hooks.example.com:8443"]` for one.
        hosts: Hosts = Hosts::default(), hosts(10_000);
        /// How Kafka is reached.
        kafka: KafkaSettings = KafkaSettings::default(), any();
        /// How Redis is reached.
        redis: RedisSettings = RedisSettings::default(), any();
        /// The shape of the internal topics.
        topics: TopicsSettings = TopicsSettings::default(), any();
        /// The role that accepts events.
        ingest: IngestSettings = IngestSettings::default(), any();
        /// The role that matches events with subscriptions.
        fanout: FanoutSettings = FanoutSettings::default(), any();
        /// The role that sends.
        deliverer: DelivererSettings = DelivererSettings::default(), any();
        /// The role that fires what waits.
        scheduler: SchedulerSettings = SchedulerSettings::default(), any();
        /// The control plane.
        api: ApiSettings = ApiSettings::default(), any();
        /// Which event types there are.
        catalogue: CatalogueSettings = CatalogueSettings::default(), any();
        /// Who may call.
        credentials: CredentialsSettings = CredentialsSettings::default(), any();
        /// Keys that seal secrets at rest.
        seal: SealSettings = SealSettings::default(), any();
        /// Logs, metrics and health.
        telemetry: TelemetrySettings = TelemetrySettings::default(), any();
        /// All roles in one process.
        embedded: EmbeddedSettings = EmbeddedSettings::default(), any();
    }

    /// How Kafka is reached, shared by all clients.
    KafkaSettings {
        /// Brokers to begin with.
        brokers: String = "127.0.0.1:9092".to_owned(), brokers();
        /// Stands before every internal topic: `{prefix}.{name}`.
        topic_prefix: String = "aerogram".to_owned(), topic_name();
        /// After this long without a heartbeat a member's partitions go to others, in milliseconds.
        session_timeout_ms: u64 = 10_000, between(1_000, 300_000);
        /// After this long without a poll a member's partitions go to others, in milliseconds.
        max_poll_interval_ms: u64 = 60_000, between(1_000, 3_600_000);
        /// Longest wait of a broker for more records to a fetch, in milliseconds.
        fetch_wait_max_ms: u32 = 20, between(1, 10_000);
        /// Longest wait of a producer for more records to a batch, in milliseconds.
        linger_ms: u32 = 1, between(0, 1_000);
        /// Writes of pending entries and fired records that are not acknowledged by then are given up and chosen
        /// again, in milliseconds.
        write_expiry_ms: u64 = 30_000, between(1_000, 600_000);
        /// Records fetched ahead for each partition, in KiB.
        queued_max_kbytes_per_partition: u32 = 1_024, between(16, 1_048_576);
        /// How long a start waits for Kafka before it gives up, in milliseconds.
        startup_timeout_ms: u64 = 60_000, between(1, 3_600_000);
        /// Further properties for librdkafka, such as those of TLS and SASL; values are treated as secrets.
        properties: Properties = Properties::default(), properties();
    }

    /// How Redis is reached.
    RedisSettings {
        /// Address, with password where needed.
        url: SecretString = SecretString::from("redis://127.0.0.1:6379"), such("redis://[USER:PASSWORD@]HOST:PORT[/DB]");
        /// Stands before every key.
        key_prefix: String = "aerogram".to_owned(), text();
        /// Longest wait for one command, in milliseconds.
        command_timeout_ms: u64 = 2_000, between(1, 600_000);
        /// So much of Redis' `maxmemory`, in percent of it and whoever uses it, may be used while payloads of what waits
        /// are kept there; above, only due times and positions are, and payloads are read back from `pending`.
        high_water_percent: u32 = 50, between(1, 90);
        /// Bytes of payloads of what waits that the scheduler's store keeps, in Redis or in memory, all partitions together.
        payload_bytes_max: u64 = 1 << 30, between(0, 1 << 50);
    }

    /// The shape of the internal topics, used by `aerogram topics create`.
    TopicsSettings {
        /// Partitions of commands, subscriptions, deliveries, attempts and pending.
        partitions: i32 = 12, between(1, 10_000);
        /// Partitions of events and matches.
        event_partitions: i32 = 12, between(1, 10_000);
        /// Copies of every partition.
        replication_factor: i32 = 1, between(1, 100);
        /// Copies that must have a record before it counts as written.
        min_insync_replicas: i32 = 1, between(1, 100);
        /// How long topics with retention keep records, in milliseconds.
        retention_ms: u64 = 7 * DAY_MS, between(60_000, LONGEST_MS);
        /// How long escalations are kept, in milliseconds.
        escalations_retention_ms: u64 = 365 * DAY_MS, between(60_000, LONGEST_MS);
        /// How long compacted topics keep tombstones, in milliseconds.
        delete_retention_ms: u64 = DAY_MS, between(1_000, LONGEST_MS);
    }

    /// The role that accepts events.
    IngestSettings {
        /// Upstream topics.
        sources: Vec<SourceSettings> = Vec::new(), such("a list of tables, or JSON of one");
        /// Consumer group.
        group: String = "aerogram-ingest".to_owned(), text();
        /// Where `POST /v1/events` and `GET /v1/rejected` listen.
        listen: String = "127.0.0.1:8081".to_owned(), listen();
        /// Largest event, in bytes.
        max_event_bytes: usize = 262_144, between(1_024, 16 * MIB);
        /// Largest request body, in bytes.
        http_max_body_bytes: usize = MIB, between(1_024, 64 * MIB);
        /// Events written to Kafka and not yet acknowledged, at most.
        in_flight_max: usize = 2_000, between(1, 1_000_000);
        /// As `api.failed_logins_per_minute`, of publishers and of administrators.
        failed_logins_per_minute: u64 = 30, between(0, PER_MINUTE_MAX);
        /// As `api.trusted_proxies`.
        trusted_proxies: Vec<IpNet> = Vec::new(), networks(100);
        /// What becomes of an event of `POST /v1/events` whose data does not fit the JSON Schema of its type.
        http_schema_check: SchemaCheck = SchemaCheck::Off, any();
    }

    /// One upstream topic.
    SourceSettings {
        /// Name of the topic, without our prefix.
        topic: String = String::new(), topic_name();
        /// What it holds; the modes of CloudEvents are told apart by content type, `json` needs a mapping.
        format: SourceFormat = SourceFormat::CloudEvents, any();
        /// The publisher's scope, part of each event's identity.
        scope: String = String::new(), text();
        /// Operators it may speak for; `*` means all.
        operators: Vec<String> = vec!["*".to_owned()], some_of(10_000, "operator ids, or \"*\" for all");
        /// What becomes of an event whose data does not fit the JSON Schema of its type.
        schema_check: SchemaCheck = SchemaCheck::Off, any();
        /// Where the fields of an event stand in a document; with format `json`, and only there.
        mapping: Option<MappingSettings> = None, such("a table of JSON pointers");
    }

    /// Where the fields of an event stand in a JSON document, each by a JSON pointer.
    MappingSettings {
        /// The publisher's own id of the event: a text or a whole number.
        id: String = String::new(), pointer();
        /// The event's type: a name in `types`, or a wire name of the catalogue.
        r#type: String = String::new(), pointer();
        /// When it happened: RFC 3339, or whole milliseconds since 1970. Left out, or not in a document: when it was accepted.
        time: Option<String> = None, maybe_pointer();
        /// The flight, order or contract it is about, whose events stay in order: a text or a whole number. Left out, or not
        /// in a document: the event stands for itself.
        subject: Option<String> = None, maybe_pointer();
        /// The tenant. May be left out when the source's `operators` are exactly one.
        operator: Option<String> = None, maybe_pointer();
        /// The contract, which events of products must have.
        contract: Option<String> = None, maybe_pointer();
        /// `production` or `non-production`. Left out, or not in a document: production.
        environment: Option<String> = None, maybe_pointer();
        /// The CloudEvents source, part of the event's identity. Left out, or not in a document: the topic.
        source: Option<String> = None, maybe_pointer();
        /// The object that subscribers get as data.
        data: String = String::new(), pointer_or_empty();
        /// The publisher's names of event types, and the wire names they stand for. Other names are looked up in the
        /// catalogue as they are.
        types: TypeNames = TypeNames::default(), type_names();
    }

    /// The role that matches events with subscriptions.
    FanoutSettings {
        /// Consumer group.
        group: String = "aerogram-fanout".to_owned(), text();
        /// Events handled together, at most.
        batch_max: usize = 500, between(1, 100_000);
        /// Batches begun and not finished for each partition, at most.
        batches_in_flight_max: usize = 4, between(1, 1_000);
        /// How long an event's identity is remembered, in milliseconds.
        dedupe_ttl_ms: u64 = DAY_MS, between(1_000, LONGEST_MS);
        /// Time between commits, in milliseconds.
        commit_interval_ms: u64 = 200, between(1, 60_000);
        /// Where identities of events are remembered.
        dedupe: Store = Store::Redis, any();
    }

    /// The role that sends.
    DelivererSettings {
        /// Consumer group.
        group: String = "aerogram-deliverer".to_owned(), text();
        /// Requests in flight in the process, divided by the number of partitions.
        in_flight_max: usize = 512, between(1, 100_000);
        /// Requests in flight for one subscription, at most.
        lane_concurrency: usize = 64, between(1, 10_000);
        /// Bytes of deliveries waiting for one subscription; a full lane stops the polling of its partition.
        lane_bytes_max: usize = 8 * MIB, between(64 * 1024, 1024 * MIB);
        /// A delivery that would wait longer than this in its lane is parked, in milliseconds.
        lane_wait_max_ms: u64 = 2_000, between(10, 600_000);
        /// So many failures in a row, and what comes for the subscription is parked until its receiver succeeds again...
        lane_failures_max: usize = 8, between(1, 1_000_000);
        /// ...if there was no success for so long, in milliseconds.
        lane_failing_min_ms: u64 = 2_000, between(0, DAY_MS);
        /// A receiver that failed without a success for so long is noted as failing, in milliseconds: `failingSince` of its
        /// subscription says since when.
        failing_noted_after_ms: u64 = 60_000, between(100, DAY_MS);
        /// A subscription whose receiver was noted, and has failed without a success for so long, is deactivated when it fails
        /// again, in milliseconds; what waits for it is escalated. 0: never.
        give_up_after_ms: u64 = 5 * DAY_MS, between(0, LONGEST_MS);
        /// Deliveries held in memory for one partition, at most, not counting those that are settled.
        items_max_per_partition: usize = 20_000, between(1, 10_000_000);
        /// Bytes of deliveries held in memory for one partition, at most.
        item_bytes_max_per_partition: usize = 16 * MIB, between(MIB, 1024 * MIB);
        /// And for all partitions of the process; one that holds nothing may always take a delivery.
        item_bytes_max: usize = 256 * MIB, between(MIB, 1024 * 1024 * MIB);
        /// Sending stops this long before the session would time out, in milliseconds.
        lease_margin_ms: u64 = 3_000, between(1, 300_000);
        /// How long it is remembered what is settled, in milliseconds.
        horizon_ms: u64 = 120_000, between(1_000, DAY_MS);
        /// Time between commits, in milliseconds.
        commit_interval_ms: u64 = 1_000, between(1, 60_000);
        /// Outcomes written together, at most.
        line_batch_max: usize = 64, between(1, 10_000);
        /// Longest wait for more outcomes to write together, in milliseconds.
        line_batch_wait_ms: u64 = 5, between(0, 10_000);
        /// Attempts that all deliverers together begin in a minute for one host and port, at most, unless `hosts` says otherwise;
        /// 0: as many as there are.
        host_rate_per_minute: u64 = 0, between(0, PER_MINUTE_MAX);
        /// Of these, how many at once after a pause; 0: a tenth of a second's worth, at least one.
        host_burst: u64 = 0, between(0, BURST_MAX);
        /// Time for one whole request: connect, TLS, headers and body, in milliseconds.
        request_timeout_ms: u64 = 10_000, between(1, 600_000);
        /// What is read of a response before it is dropped, in bytes.
        response_max_bytes: usize = 65_536, between(0, 16 * MIB);
        /// Memory of what is settled for one partition, in bytes.
        memory_bytes_max_per_partition: usize = 128 * MIB, between(MIB, 16 * 1024 * MIB);
        /// And for all partitions of the process, in bytes; past it deliveries are taken few at a time.
        memory_bytes_max: usize = 512 * MIB, between(MIB, 1024 * 1024 * MIB);
        /// PEM files of certificate authorities trusted besides the system's.
        ca_files: Vec<PathBuf> = Vec::new(), such("a list of paths");
        /// Networks that may be called although they are not public. By this and `allowed_ports` api judges new callback URLs
        /// as well.
        allow_cidrs: Vec<IpNet> = Vec::new(), such("a list of networks such as 10.0.0.0/8");
        /// Ports that may be called. A range leaves out the well-known ports of what does not speak HTTP, such as 6379 (Redis);
        /// a port that is listed by itself is allowed in any case. docs/egress.md has the list.
        allowed_ports: Vec<Ports> = vec![Ports::one(443), Ports::range(1_024, 65_535)], some_of(100, "a port such as 443, or a range such as \"1024-65535\"");
        /// A proxy that all deliveries go through, by CONNECT to the address that was checked.
        proxy: Option<SecretString> = None, such("http://[USER:PASSWORD@]HOST:PORT, or left out");
        /// The local address that connections come from.
        bind_address: Option<IpAddr> = None, such("an IP address of this host, or left out");
        /// How much of a response's beginning is kept for people to read, in bytes; 0 keeps nothing.
        excerpt_max_bytes: usize = 512, between(0, 4_096);
        /// The `User-Agent` of requests.
        user_agent: String = concat!("Aerogram/", env!("CARGO_PKG_VERSION")).to_owned(), text();
    }

    /// The role that fires what waits.
    SchedulerSettings {
        /// Consumer group.
        group: String = "aerogram-scheduler".to_owned(), text();
        /// Where due times are kept.
        store: Store = Store::Redis, any();
        /// Time between looks at what is due, in milliseconds.
        tick_ms: u64 = 50, between(1, 60_000);
        /// Records fired together, at most.
        fire_batch_max: usize = 256, between(1, 100_000);
        /// Wait before a receiver that fails is probed again, in milliseconds; it doubles with each probe that fails.
        probe_wait_min_ms: u64 = 1_000, between(1, DAY_MS);
        /// Up to this, in milliseconds.
        probe_wait_max_ms: u64 = 30_000, between(1, DAY_MS);
        /// Nothing is fired when the log's end was last seen longer ago than this, in milliseconds.
        staleness_max_ms: u64 = 30_000, between(1_000, DAY_MS);
    }

    /// The control plane.
    ApiSettings {
        /// Where it listens.
        listen: String = "127.0.0.1:8080".to_owned(), listen();
        /// Consumer group of the command handler.
        group: String = "aerogram-commands".to_owned(), text();
        /// Stands before the transactional id of each process.
        transactional_id_prefix: String = "aerogram-api".to_owned(), topic_name();
        /// After this long the broker aborts an open transaction, in milliseconds.
        transaction_timeout_ms: u64 = 10_000, between(1_000, 900_000);
        /// How long a request waits for the result of its command, in milliseconds.
        command_timeout_ms: u64 = 10_000, between(1, 600_000);
        /// Largest request body, in bytes.
        max_body_bytes: usize = 65_536, between(1_024, 16 * MIB);
        /// Whether the portal is served beside the REST API, at `/portal/`.
        portal: bool = true, any();
        /// File of the projection that escalations are listed from; each process has its own, and it is made anew from the log
        /// when it is not there. Left out, a temporary one that is gone at the end.
        projection_path: Option<PathBuf> = None, such("a path, or left out");
        /// Escalations in the projection, at most; beyond it those that were dealt with go first, then the oldest.
        escalations_max: u64 = 1_000_000, between(100, 100_000_000);
        /// How long the history of a delivery that has ended is shown since it was issued, in milliseconds; left out, as long as
        /// `topics.retention_ms`. What has not ended is shown in any case.
        history_retention_ms: Option<u64> = None, maybe_between(60_000, LONGEST_MS);
        /// Size of the projection's file beyond which the history of the oldest deliveries that have ended goes, in bytes.
        history_bytes_max: u64 = 8 << 30, between(16 << 20, 1 << 50);
        /// Deliveries of one redelivery of many, or of one replay, that are written to be sent and have not ended, at most: it
        /// goes on as they end.
        task_waiting_max: u64 = 5_000, between(1, 1_000_000);
        /// Tasks (redeliveries of many, replays) that are remembered, at most, beside those under way.
        tasks_max: usize = 1_000, between(10, 100_000);
        /// Subscriptions of one partner and operator, at most.
        subscriptions_max_per_pair: usize = 10_000, between(1, 10_000_000);
        /// Where deliveries come from as receivers see it, such as the addresses of a NAT gateway or of the proxy: what
        /// `GET /egress-addresses` answers. It is only told, so it must be what the network really does.
        egress_addresses: Vec<IpNet> = Vec::new(), networks(100);
        /// Logins with a token that is wrong, from one address (of IPv6: one network of 64 bits) with one client id, at most; then
        /// that address and client id are asked to wait, also with the right one. 0: as many as there are.
        failed_logins_per_minute: u64 = 30, between(0, PER_MINUTE_MAX);
        /// Requests of one client (a partner on behalf of an operator, or an administrator) in a minute, at most; each process
        /// counts for itself. 0: as many as there are.
        client_rate_per_minute: u64 = 6_000, between(0, PER_MINUTE_MAX);
        /// Of these, how many at once after a pause; 0: a tenth of a second's worth, at least one.
        client_burst: u64 = 1_000, between(0, BURST_MAX);
        /// Proxies that requests come through, by address or network: of what they say in `X-Forwarded-For`, the last address that is
        /// none of theirs is where a request comes from. Of anybody else that header is not looked at.
        trusted_proxies: Vec<IpNet> = Vec::new(), networks(100);
    }

    /// Which event types there are beside the built-in ones, used by api and ingest.
    CatalogueSettings {
        /// Files of event types of your own, in the format that `aerogram catalogue` and docs/events explain.
        files: Vec<PathBuf> = Vec::new(), such("a list of paths");
    }

    /// Who may call, used by api and ingest.
    CredentialsSettings {
        /// File with hashed tokens. It is read again when it changes.
        file: Option<PathBuf> = None, such("a path");
        /// Time between looks at whether it changed, in milliseconds.
        reload_ms: u64 = 1_000, between(50, 3_600_000);
    }

    /// Keys that seal secrets at rest.
    SealSettings {
        /// Keys by id, each 32 bytes as base64; older ones stay until nothing is sealed with them. In the environment:
        /// `AEROGRAM_SEAL__KEYS__K1` sets key `k1`.
        keys: BTreeMap<String, SecretString> = BTreeMap::new(), at_most(100, "keys by id, each 32 bytes as base64");
        /// Id of the key that seals what is new.
        current: String = String::new(), such("an id in seal.keys");
    }

    /// Logs, metrics and health.
    TelemetrySettings {
        /// Where `/livez`, `/readyz` and `/metrics` are served; empty means the role's own default: ingest
        /// 127.0.0.1:9101, fanout :9102, deliverer :9103, scheduler :9104, api :9105, all together :9100.
        admin_listen: String = String::new(), listen_or_empty();
        /// How log lines look.
        log_format: LogFormat = LogFormat::Json, any();
        /// What is logged, as in `info,aerogram_deliverer=debug`.
        log_filter: String = "info".to_owned(), text();
    }

    /// All roles in one process, as `aerogram run` has them; nothing else reads this.
    EmbeddedSettings {
        /// Where the embedded broker's data, keys and tokens are kept; one process at a time uses it.
        data_dir: PathBuf = PathBuf::from(".aerogram"), any();
        /// Loopback port of the embedded broker; 0 takes a free one.
        port: u32 = 29_092, between(0, 65_535);
        /// Whether the embedded broker waits for the disk before it acknowledges; without, a power failure may cost the
        /// last seconds, a kill nothing.
        sync: bool = false, any();
        /// Program of the embedded broker; left out, it is looked for beside this program and in PATH.
        broker: Option<PathBuf> = None, such("a path");
        /// Upstream topics that are made in the embedded broker when `ingest.sources` names none: CloudEvents each.
        upstream_topics: Vec<String> = ["flights", "orders", "products"].map(str::to_owned).to_vec(), such("names of topics");
    }
}

impl EmbeddedSettings {
    /// The value of `kafka.brokers` that stands for the embedded broker, wherever it listens.
    pub const BROKERS: &'static str = "embedded:0";
}

impl TelemetrySettings {
    /// Where the admin server of this role listens.
    #[must_use]
    pub fn admin_listen_of(&self, role: crate::Role) -> &str {
        if self.admin_listen.is_empty() { role.admin_listen() } else { &self.admin_listen }
    }
}
