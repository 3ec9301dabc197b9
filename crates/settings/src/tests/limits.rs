use super::{load, problem_of};
use crate::Settings;

#[test]
fn limits_of_profiles_and_hosts_come_from_every_layer() {
    let file = "[profiles.order]\nrate_per_minute = 1200\nburst = 20\nconcurrency = 4\n\
                [hosts.\"hooks.example.com\"]\nrate_per_minute = 600\nburst = 5\n\
                [hosts.apart.example.com]\nrate_per_minute = 60\n\
                [hosts.\"hooks.example.com:8443\"]\nrate_per_minute = 0\n";
    let env = [
        ("AEROGRAM_PROFILES__ORDER__TIMEOUT_MS", "5000"),
        ("AEROGRAM_HOSTS__HOOKS__EXAMPLE__COM__RATE_PER_MINUTE", "700"),
        ("AEROGRAM_DELIVERER__HOST_RATE_PER_MINUTE", "6000"),
    ];
    let set = [r#"hosts.[2001:db8::1]:8443={"rate_per_minute":9}"#, "hosts.apart.example.com.burst=2"];
    let settings = load(Some(file), &env, &set).unwrap();
    let order = &settings.profiles["order"];
    assert_eq!((order.rate_per_minute, order.burst), (Some(1_200), Some(20)));
    assert_eq!((order.concurrency, order.timeout_ms), (Some(4), Some(5_000)));
    let of = |host: &str, port| settings.hosts.of(host, port).map(|host| (host.rate_per_minute, host.burst));
    assert_eq!(settings.hosts.len(), 4);
    assert_eq!(of("hooks.example.com", 443), Some((Some(700), Some(5))));
    assert_eq!(of("hooks.example.com", 8_443), Some((Some(0), None)));
    assert_eq!(of("apart.example.com", 443), Some((Some(60), Some(2))));
    assert_eq!(of("[2001:db8::1]", 8_443), Some((Some(9), None)));
    assert_eq!(of("[2001:db8::1]", 443), None);
    assert_eq!(settings.deliverer.host_rate_per_minute, 6_000);
    let shown = settings.redacted();
    assert!(shown.contains(r#""hooks.example.com" = { rate_per_minute = 700, burst = 5 }"#), "{shown}");
    assert_eq!(load(Some(&shown), &[], &[]).unwrap().redacted(), shown);
    let whole = [("AEROGRAM_HOSTS", r#"{"a.example:443":{"rate_per_minute":1},"b.example":{}}"#)];
    assert_eq!(load(None, &whole, &[]).unwrap().hosts["a.example:443"].rate_per_minute, Some(1));
    for key in ["hosts.<host>.rate_per_minute", "profiles.<name>.concurrency", "deliverer.host_burst"] {
        assert!(Settings::list().iter().any(|s| s.key == key && !s.doc.is_empty()), "{key}");
    }
}

#[test]
fn limits_that_would_limit_nothing_are_refused() {
    let set = [
        "profiles.order.burst=5",
        "profiles.flight.concurrency=65",
        "profiles.portal.timeout_ms=10001",
        "profiles.staffing.rate_per_minute=0",
        "profiles.staffing.burst=1",
        "deliverer.host_burst=3",
        r#"hosts={"a.example":{"burst":3},"b.example":{"rate_per_minute":0,"burst":3},"c.example":{"rate":1},
            "Hooks.example":{},"https://d.example":{},"e.example:0443":{},"f..example":{},"[::01]":{}}"#,
    ];
    let errors = load(None, &[], &set).unwrap_err();
    let mut keys: Vec<_> = errors.0.iter().map(|e| e.key.as_str()).collect();
    keys.sort_unstable();
    let expected = [
        "deliverer.host_burst",
        "hosts.Hooks.example",
        "hosts.[::01]",
        "hosts.a.example.burst",
        "hosts.b.example.burst",
        "hosts.c.example.rate",
        "hosts.e.example:0443",
        "hosts.f..example",
        "hosts.https://d.example",
        "profiles.flight.concurrency",
        "profiles.order.burst",
        "profiles.portal.timeout_ms",
        "profiles.staffing.rate_per_minute",
    ];
    assert_eq!(keys, expected, "{errors}");
    assert!(problem_of(&errors, "hosts.Hooks.example").allowed.contains("lower case"));
    let rated = ["deliverer.host_rate_per_minute=60", "deliverer.host_burst=3", "hosts.a.example.burst=5"];
    load(None, &[], &rated).unwrap();
}

#[test]
fn hosts_are_set_as_a_whole_or_in_part_in_one_layer() {
    let whole = ("AEROGRAM_HOSTS", r#"{"a.example":{"rate_per_minute":1}}"#);
    let part = ("AEROGRAM_HOSTS__B__EXAMPLE__RATE_PER_MINUTE", "2");
    let errors = load(None, &[whole, part], &[]).unwrap_err();
    let error = problem_of(&errors, "hosts.b.example.rate_per_minute");
    assert_eq!(
        error.origin.as_deref(),
        Some("environment variable AEROGRAM_HOSTS__B__EXAMPLE__RATE_PER_MINUTE")
    );
    assert!(error.problem.contains("environment variable AEROGRAM_HOSTS,"), "{errors}");
    let flags = ["hosts.b.example.rate_per_minute=2", r#"hosts={"a.example":{"rate_per_minute":1}}"#];
    assert_eq!(problem_of(&load(None, &[], &flags).unwrap_err(), "hosts").allowed, "one of the two");
    // Layers are merged, and of two flags for the same the later one wins.
    let flags = ["hosts.b.example.rate_per_minute=2", "hosts.b.example.rate_per_minute=3"];
    let hosts = load(None, &[whole], &flags).unwrap().hosts;
    assert_eq!(hosts["b.example"].rate_per_minute, Some(3));
}
