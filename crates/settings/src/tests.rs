mod limits;
mod mistakes;

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::{Ports, RoleArgs, SchemaCheck, Settings, SettingsErrors, SourceFormat, StatusMatch, Store};

fn args(file: Option<&str>, set: &[&str]) -> (RoleArgs, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = file.map(|text| {
        let path = dir.path().join("aerogram.toml");
        std::fs::write(&path, text).unwrap();
        path
    });
    (RoleArgs { config, set: set.iter().map(|&s| s.to_owned()).collect(), ..RoleArgs::default() }, dir)
}

fn load(file: Option<&str>, env: &[(&str, &str)], set: &[&str]) -> Result<Settings, SettingsErrors> {
    let (args, _dir) = args(file, set);
    Settings::load_from(&args, env.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))))
}

fn problem_of<'a>(errors: &'a SettingsErrors, key: &str) -> &'a crate::SettingError {
    errors.0.iter().find(|e| e.key == key).unwrap_or_else(|| panic!("no error for {key} in {errors}"))
}

#[test]
fn defaults_are_valid_and_every_setting_is_listed() {
    let settings = load(None, &[], &[]).unwrap();
    assert_eq!(settings.kafka.brokers, "127.0.0.1:9092");
    assert_eq!(settings.topics.partitions, 12);
    let list = Settings::list();
    let brokers = list.iter().find(|s| s.key == "kafka.brokers").unwrap();
    assert_eq!(brokers.env.as_deref(), Some("AEROGRAM_KAFKA__BROKERS"));
    assert_eq!(brokers.default.as_deref(), Some("\"127.0.0.1:9092\""));
    for key in ["ingest.sources[].topic", "policies.<name>.delays_ms", "credentials.file", "seal.keys"] {
        assert!(list.iter().any(|s| s.key == key && !s.doc.is_empty()), "{key}");
    }
    assert!(Settings::list_text().contains("AEROGRAM_DELIVERER__ALLOW_CIDRS"));
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "[kafka]\nbrokers = 'file:1'\nlinger_ms = 2\ntopic_prefix = 'file'\n";
    let env = [("AEROGRAM_KAFKA__BROKERS", "env:1"), ("AEROGRAM_KAFKA__LINGER_MS", "3")];
    let kafka = load(Some(file), &env, &["kafka.brokers=a:1", "kafka.brokers=flag:1"]).unwrap().kafka;
    assert_eq!((kafka.brokers.as_str(), kafka.linger_ms, kafka.topic_prefix.as_str()), ("flag:1", 3, "file"));
    assert_eq!(kafka.fetch_wait_max_ms, 20);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let (args, _dir) = args(Some("[kafka]\nlinger_ms = 7\n"), &[]);
    let env = [(OsString::from("AEROGRAM_CONFIG"), OsString::from(args.config.unwrap()))];
    assert_eq!(Settings::load_from(&RoleArgs::default(), env).unwrap().kafka.linger_ms, 7);
}

#[test]
fn all_errors_are_reported_at_once_with_key_origin_and_what_is_allowed() {
    let file = "typo = 1\n[kafka]\nlinger_ms = 'soon'\nborkers = 'x:1'\n[scheduler]\nstore = 'disk'\n";
    let env =
        [("AEROGRAM_TOPICS__PARTITIONS", "0"), ("AEROGRAM_NO__SUCH", "1"), ("AEROGRAM_API_LISTEN", "x")];
    let errors = load(Some(file), &env, &["api.listen=nowhere", "broken", "fanout.batch=1"]).unwrap_err();
    let text = errors.to_string();
    assert_eq!(errors.0.len(), 10, "{text}");
    assert!(problem_of(&errors, "kafka.linger_ms").origin.as_deref().unwrap().ends_with("aerogram.toml"));
    assert!(problem_of(&errors, "kafka.linger_ms").problem.contains("\"soon\" is not a whole number"));
    assert!(problem_of(&errors, "kafka.borkers").allowed.contains("brokers"));
    assert!(problem_of(&errors, "typo").allowed.contains("kafka"));
    assert!(problem_of(&errors, "scheduler.store").problem.contains("\"redis\" or \"memory\""));
    let partitions = problem_of(&errors, "topics.partitions");
    assert_eq!(partitions.origin.as_deref(), Some("environment variable AEROGRAM_TOPICS__PARTITIONS"));
    assert_eq!(partitions.allowed, "1 to 10000");
    assert_eq!(
        problem_of(&errors, "no.such").origin.as_deref(),
        Some("environment variable AEROGRAM_NO__SUCH")
    );
    assert_eq!(problem_of(&errors, "AEROGRAM_API_LISTEN").allowed, "AEROGRAM_API__LISTEN");
    assert_eq!(problem_of(&errors, "api.listen").origin.as_deref(), Some("--set api.listen"));
    assert!(problem_of(&errors, "--set").problem.contains("broken"));
    problem_of(&errors, "fanout.batch");
    assert!(text.lines().count() >= 11, "{text}");
}

#[test]
fn variables_that_kubernetes_adds_for_services_are_not_settings() {
    let env = [("AEROGRAM_API_SERVICE_HOST", "10.0.0.1"), ("AEROGRAM_API_PORT", "tcp://10.0.0.1:80")];
    load(None, &env, &[]).unwrap();
}

#[test]
fn a_missing_or_broken_file_is_an_error_beside_the_others() {
    let args = RoleArgs {
        config: Some(PathBuf::from("/nonexistent/aerogram.toml")),
        set: vec!["kafka.linger_ms=x".to_owned()],
        ..RoleArgs::default()
    };
    let errors = Settings::load_from(&args, []).unwrap_err();
    assert_eq!(errors.0.len(), 2, "{errors}");
    let errors = load(Some("[redis]\nurl = \"redis://:hunter2@host\n"), &[], &[]).unwrap_err();
    assert!(errors.to_string().contains("line 2"), "{errors}");
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}

#[test]
fn sources_come_from_file_or_json_and_are_checked_strictly() {
    let file = "[[ingest.sources]]\ntopic = 'ops.flights'\nscope = 'ops'\n";
    let settings = load(Some(file), &[], &[]).unwrap();
    let source = &settings.ingest.sources[0];
    assert_eq!((source.topic.as_str(), source.format), ("ops.flights", SourceFormat::CloudEvents));
    assert_eq!(source.operators, ["*"]);

    let json = r#"[{"topic":"orders","scope":"o","format":"protobuf","operators":["a","b"]}]"#;
    let settings = load(Some(file), &[("AEROGRAM_INGEST__SOURCES", json)], &[]).unwrap();
    assert_eq!(settings.ingest.sources[0].format, SourceFormat::Protobuf);
    assert_eq!(settings.ingest.sources.len(), 1);

    let json = r#"ingest.sources=[{"topic":"orders","colour":1},{"scope":"x","format":"xml"}]"#;
    let errors = load(None, &[], &[json]).unwrap_err();
    assert_eq!(errors.0.len(), 4, "{errors}");
    problem_of(&errors, "ingest.sources[0].colour");
    assert_eq!(problem_of(&errors, "ingest.sources[0].scope").problem, "is required");
    assert_eq!(problem_of(&errors, "ingest.sources[1].topic").problem, "is required");
    problem_of(&errors, "ingest.sources[1].format");
    assert!(load(None, &[], &["ingest.sources=[{"]).unwrap_err().to_string().contains("not valid JSON"));
}

const MAPPED: &str = r#"
[[ingest.sources]]
topic = "ops.movements"
scope = "movements"
format = "json"
operators = ["OPX"]
schema_check = "warn"

[ingest.sources.mapping]
id = "/meta/id"
type = "/meta/kind"
time = "/meta/at"
data = "/flight"

[ingest.sources.mapping.types]
DEP = "FLIGHT_MOVEMENT_UPDATE"
"Flight.Cancelled" = "FLIGHT_CANCEL"
flight.new = "FLIGHT_CREATE"
"#;

#[test]
fn a_mapping_comes_from_file_or_json() {
    let settings = load(Some(MAPPED), &[], &["ingest.http_schema_check=reject"]).unwrap();
    let source = &settings.ingest.sources[0];
    assert_eq!((source.format, source.schema_check), (SourceFormat::Json, SchemaCheck::Warn));
    assert_eq!(settings.ingest.http_schema_check, SchemaCheck::Reject);
    let mapping = source.mapping.as_ref().unwrap();
    assert_eq!(
        (mapping.id.as_str(), mapping.r#type.as_str(), mapping.data.as_str()),
        ("/meta/id", "/meta/kind", "/flight")
    );
    assert_eq!((mapping.time.as_deref(), mapping.operator.as_deref()), (Some("/meta/at"), None));
    let types: Vec<_> = mapping.types.0.iter().map(|(name, meant)| (name.as_str(), meant.as_str())).collect();
    let expected = [
        ("DEP", "FLIGHT_MOVEMENT_UPDATE"),
        ("Flight.Cancelled", "FLIGHT_CANCEL"),
        ("flight.new", "FLIGHT_CREATE"),
    ];
    assert_eq!(types, expected);
    let shown = settings.redacted();
    assert_eq!(load(Some(&shown), &[], &[]).unwrap().redacted(), shown);

    let json = r#"[{"topic":"t","scope":"s","format":"json","mapping":{"id":"/id","type":"/t","operator":"/o","types":{"A.b":"X"}}}]"#;
    let settings = load(None, &[("AEROGRAM_INGEST__SOURCES", json)], &[]).unwrap();
    let mapping = settings.ingest.sources[0].mapping.as_ref().unwrap();
    assert_eq!(mapping.types.0.get("A.b").map(String::as_str), Some("X"));
    for key in ["ingest.sources[].mapping", "ingest.sources[].mapping.type", "ingest.sources[].mapping.types"]
    {
        assert!(Settings::list().iter().any(|s| s.key == key && !s.doc.is_empty()), "{key}");
    }
}

#[test]
fn a_wrong_mapping_is_told_as_a_whole() {
    let json = r#"ingest.sources=[
        {"topic":"a","scope":"s","format":"json","mapping":{"id":"id","time":"/a~2","colour":"/c","types":{"A":["X"]}}},
        {"topic":"b","scope":"s","format":"json"},
        {"topic":"c","scope":"s","mapping":{"id":"/id","type":"/t","operator":"/o"}},
        {"topic":"d","scope":"s","format":"json","operators":["A","B"],"mapping":{"id":"/id","type":"/t"}},
        {"topic":"d","scope":"s","schema_check":"maybe"},
        {"topic":"d","scope":"s"}
    ]"#;
    let errors = load(None, &[], &[json]).unwrap_err();
    let mut keys: Vec<_> = errors.0.iter().map(|e| e.key.as_str()).collect();
    keys.sort_unstable();
    let expected = [
        "ingest.sources[0].mapping.colour",
        "ingest.sources[0].mapping.id",
        "ingest.sources[0].mapping.time",
        "ingest.sources[0].mapping.type",
        "ingest.sources[0].mapping.types.A",
        "ingest.sources[1].mapping",
        "ingest.sources[2].mapping",
        "ingest.sources[3].mapping.operator",
        "ingest.sources[4].schema_check",
        "ingest.sources[5].topic",
    ];
    assert_eq!(keys, expected, "{errors}");
    assert_eq!(problem_of(&errors, "ingest.sources[0].mapping.type").problem, "is required");
}

#[test]
fn the_example_of_the_deploy_folder_is_right() {
    let example = include_str!("../../../deploy/aerogram.example.toml");
    let settings = load(Some(example), &[], &[]).unwrap();
    assert!(settings.ingest.sources.iter().any(|source| source.mapping.is_some()));
    assert!(settings.profiles.values().any(|profile| profile.policy.is_some()));
}

#[test]
fn policies_come_from_file_or_json_and_are_checked_strictly() {
    let file = "[policies.fast]\nsuccess = [200, '3xx']\ndelays_ms = [0, 100]\nretry_after_cap_ms = 5000\n";
    let env = [(
        "AEROGRAM_POLICIES__SLOW",
        r#"{"delays_ms":[0,60000],"jitter_percent":20,"gone_deactivates":true}"#,
    )];
    let policies = load(Some(file), &env, &[]).unwrap().policies;
    assert_eq!(policies["fast"].success, [StatusMatch::Code(200), StatusMatch::Class(3)]);
    assert_eq!(policies["fast"].retry_after_cap_ms, Some(5_000));
    assert!(policies["slow"].gone_deactivates && policies["slow"].success[0].matches(204));
    let errors = load(Some("[policies.a]\ndelay = 1\njitter_percent = 200\n"), &[], &[]).unwrap_err();
    assert_eq!(errors.0.len(), 3, "{errors}");
    let errors = load(None, &[], &["policies.a.success=9xx", "policies.a.delays_ms=0,1"]).unwrap_err();
    problem_of(&errors, "policies.a.success[0]");
}

#[test]
fn a_profiles_policy_comes_from_file_or_json_or_variable() {
    let file = "[policies.brisk]\ndelays_ms = [0]\n[profiles.order]\npolicy = 'brisk'\n[profiles.portal]\n";
    let env = [("AEROGRAM_PROFILES__FLIGHT__POLICY", "staffing")];
    let settings = load(Some(file), &env, &[r#"profiles.staffing={"policy":"standard"}"#]).unwrap();
    let found: Vec<_> =
        settings.profiles.iter().map(|(name, p)| (name.as_str(), p.policy.as_deref())).collect();
    let expected = [
        ("flight", Some("staffing")),
        ("order", Some("brisk")),
        ("portal", None),
        ("staffing", Some("standard")),
    ];
    assert_eq!(found, expected);
    let shown = settings.redacted();
    assert_eq!(load(Some(&shown), &[], &[]).unwrap().redacted(), shown);
    let whole = [("AEROGRAM_PROFILES", r#"{"order":{"policy":"staffing"}}"#)];
    let profiles = load(None, &whole, &[]).unwrap().profiles;
    assert_eq!(profiles["order"].policy.as_deref(), Some("staffing"));
    assert!(Settings::list().iter().any(|s| s.key == "profiles.<name>.policy" && !s.doc.is_empty()));
}

#[test]
fn profiles_and_policies_that_are_not_there_are_told_with_all_else() {
    let set = [
        "profiles.orders.policy=standard",
        "profiles.order.policy=brsik",
        "profiles.flight.delay=1",
        "policies.brisk.delays_ms=0",
        "kafka.linger_ms=x",
    ];
    let errors = load(None, &[], &set).unwrap_err();
    assert_eq!(errors.0.len(), 4, "{errors}");
    assert_eq!(problem_of(&errors, "profiles.orders").allowed, "flight, portal, order, staffing");
    let policy = problem_of(&errors, "profiles.order.policy");
    assert_eq!(policy.problem, "\"brsik\" is not a policy");
    assert_eq!(policy.allowed, "standard, staffing, brisk");
    assert_eq!(
        problem_of(&errors, "profiles.flight.delay").allowed,
        "policy, rate_per_minute, burst, concurrency, timeout_ms"
    );
    // What is wrong with the policy itself is told once.
    let errors = load(None, &[], &["profiles.order.policy=brisk", "policies.brisk.delay=1"]).unwrap_err();
    assert!(errors.0.iter().all(|e| e.key.starts_with("policies.brisk.")), "{errors}");
}

#[test]
fn properties_keep_their_dots_and_cannot_break_the_protocol() {
    let file = "[kafka.properties]\nsecurity.protocol = 'ssl'\n'sasl.password' = 'hunter2'\n";
    let env = [("AEROGRAM_KAFKA__PROPERTIES__SASL__USERNAME", "me")];
    let kafka = load(Some(file), &env, &[]).unwrap().kafka;
    let names: Vec<_> = kafka.properties.keys().map(String::as_str).collect();
    assert_eq!(names, ["sasl.password", "sasl.username", "security.protocol"]);
    assert_eq!(kafka.properties["sasl.password"], "hunter2");
    let errors = load(None, &[], &["kafka.properties.group.id=mine"]).unwrap_err();
    assert!(problem_of(&errors, "kafka.properties").allowed.contains("group.id"));
}

#[test]
fn lists_may_be_written_with_commas() {
    let set = [
        "deliverer.allow_cidrs=127.0.0.0/8, ::1",
        "deliverer.ca_files=/a.pem,/b.pem",
        "fanout.dedupe=memory",
    ];
    let settings = load(None, &[], &set).unwrap();
    assert_eq!(settings.deliverer.allow_cidrs.len(), 2);
    assert_eq!(settings.deliverer.ca_files[1], PathBuf::from("/b.pem"));
    assert_eq!(settings.fanout.dedupe, Store::Memory);
}

#[test]
fn egress_addresses_are_addresses_and_networks() {
    let settings = load(None, &[], &["api.egress_addresses=203.0.113.7, 2001:db8::/64"]).unwrap();
    let shown: Vec<_> = settings.api.egress_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["203.0.113.7/32", "2001:db8::/64"]);
    assert!(load(None, &[], &[]).unwrap().api.egress_addresses.is_empty());
    for wrong in ["203.0.113.7/28", "nat.example", "203.0.113.256"] {
        let errors = load(None, &[], &[&format!("api.egress_addresses={wrong}")]).unwrap_err();
        assert!(errors.to_string().contains("api.egress_addresses"), "{errors}");
    }
}

#[test]
fn secrets_are_redacted_everywhere() {
    let file = "[kafka.properties]\n'sasl.password' = 'hunter2'\n[seal]\nkeys = { k1 = 'hunter2' }\ncurrent = 'k1'\n";
    let set = ["redis.url=redis://:hunter2@h:1", "credentials.file=/etc/c.json"];
    let settings = load(Some(file), &[("AEROGRAM_SEAL__KEYS__K2", "hunter2")], &set).unwrap();
    assert_eq!(settings.seal.keys["k2"].expose_secret(), "hunter2");
    let (args, _dir) = args(None, &set);
    for text in [settings.redacted(), format!("{settings:?}"), format!("{args:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let shown = settings.redacted();
    assert!(
        shown.contains("\"sasl.password\" = \"[redacted]\"") && shown.contains("\"k2\" = \"[redacted]\"")
    );
    assert!(shown.contains("[telemetry]\n") && shown.contains("file = \"/etc/c.json\""), "{shown}");
    let errors =
        load(None, &[], &["redis.url=", "seal.keys={\"k\":[\"hunter2\"]}", "secret=hunter2"]).unwrap_err();
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
    assert_eq!(errors.0.len(), 3, "{errors}");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let set =
        ["policies.a.delays_ms=0,5", "ingest.sources=[{\"topic\":\"t\",\"scope\":\"s\"}]", "api.group=a\"b"];
    let first = load(None, &[], &set).unwrap().redacted();
    assert_eq!(load(Some(&first), &[], &[]).unwrap().redacted(), first);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let set = [
        "topics.min_insync_replicas=2",
        "deliverer.lease_margin_ms=9500",
        "seal.current=k9",
        "deliverer.horizon_ms=60000",
    ];
    let errors = load(None, &[], &set).unwrap_err();
    assert_eq!(errors.0.len(), 4, "{errors}");
    problem_of(&errors, "seal.current");
}

#[test]
fn history_is_kept_no_longer_than_what_it_is_made_from() {
    let settings = load(None, &[], &["topics.retention_ms=86400000"]).unwrap();
    assert_eq!(settings.api.history_retention_ms, None);
    let day = ["topics.retention_ms=86400000", "api.history_retention_ms=86400000"];
    assert_eq!(load(None, &[], &day).unwrap().api.history_retention_ms, Some(86_400_000));
    let longer = ["topics.retention_ms=86400000", "api.history_retention_ms=86400001"];
    problem_of(&load(None, &[], &longer).unwrap_err(), "api.history_retention_ms");
    problem_of(&load(None, &[], &["api.history_retention_ms=1"]).unwrap_err(), "api.history_retention_ms");
}

#[test]
fn ports_proxy_and_bind_address_are_read_from_every_layer() {
    let file = "[deliverer]\nallowed_ports = [443, \"8000-8999\"]\nproxy = \"http://u:hunter2@proxy:3128\"\n";
    let env = [("AEROGRAM_DELIVERER__BIND_ADDRESS", "10.1.2.3")];
    let settings = load(Some(file), &env, &[]).unwrap();
    let deliverer = &settings.deliverer;
    assert_eq!(deliverer.allowed_ports, [Ports::one(443), Ports::range(8000, 8999)]);
    assert_eq!(deliverer.bind_address, Some("10.1.2.3".parse().unwrap()));
    assert_eq!(deliverer.proxy.as_ref().unwrap().expose_secret(), "http://u:hunter2@proxy:3128");
    let shown = settings.redacted();
    assert!(shown.contains("allowed_ports = [443, \"8000-8999\"]") && !shown.contains("hunter2"), "{shown}");
    let by_variable = load(None, &[("AEROGRAM_DELIVERER__ALLOWED_PORTS", "443,8443-8444")], &[]).unwrap();
    assert_eq!(by_variable.deliverer.allowed_ports, [Ports::one(443), Ports::range(8443, 8444)]);
    for wrong in ["[]", "[0]", "[70000]", "[\"9-8\"]", "[\"a\"]"] {
        let errors = load(None, &[], &[&format!("deliverer.allowed_ports={wrong}")]).unwrap_err();
        assert!(errors.0[0].key.starts_with("deliverer.allowed_ports"), "{errors}");
    }
    problem_of(&load(None, &[], &["deliverer.bind_address=host"]).unwrap_err(), "deliverer.bind_address");
}
