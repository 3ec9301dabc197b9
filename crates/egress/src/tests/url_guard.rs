use aerogram_settings::{DelivererSettings, Ports};

use crate::{Failure, UrlGuard, callable};

fn guard(allowed: &[&str]) -> UrlGuard {
    let allow_cidrs = allowed.iter().map(|net| net.parse().unwrap()).collect();
    UrlGuard::new(&DelivererSettings { allow_cidrs, ..DelivererSettings::default() })
}

fn refusal(guard: &UrlGuard, url: &str) -> Option<String> {
    guard.check(url).err().map(|error| error.to_string())
}

/// Spellings of addresses, and what the refusal says of each.
const REFUSED: [(&str, &str); 18] = [
    ("https://127.0.0.1/", "127.0.0.1 is not public (loopback)"),
    ("https://127.0.0.1./", "127.0.0.1 is not public (loopback)"),
    ("https://127.1/", "127.0.0.1 is not public (loopback)"),
    ("https://2130706433/", "127.0.0.1 is not public (loopback)"),
    ("https://0177.0.0.1/", "127.0.0.1 is not public (loopback)"),
    ("https://0x7f.1/", "127.0.0.1 is not public (loopback)"),
    ("https://%31%30.0.0.1/", "10.0.0.1 is not public (private)"),
    ("https://１０.0.0.1/", "10.0.0.1 is not public (private)"),
    ("https://169.254.169.254/latest", "link-local, and metadata of most clouds"),
    ("https://[::1]/", "::1 is not public (loopback)"),
    ("https://[fd00::1]:8443/", "fd00::1 is not public (unique local"),
    ("https://[::ffff:8.8.8.8]/", "(IPv4-mapped)"),
    ("https://[::ffff:127.0.0.1]/", "(IPv4-mapped)"),
    ("https://[64:ff9b::8.8.8.8]/", "(NAT64)"),
    ("https://[2002:7f00:1::]/", "(6to4)"),
    ("https://[4000::1]/", "(reserved)"),
    ("https://0/", "0.0.0.0 is not public (this network)"),
    ("https://127.0.0.1:6379/", "port 6379 is known for Redis"),
];

#[test]
fn addresses_are_refused_in_every_spelling_and_the_setting_is_named() {
    let guard = guard(&[]);
    for (url, text) in REFUSED {
        let refusal = refusal(&guard, url).unwrap_or_else(|| panic!("{url} passes"));
        assert!(refusal.contains(text) && refusal.contains("deliverer.allow"), "{url}: {refusal}");
    }
    let loopback = refusal(&guard, "https://127.1/").unwrap();
    assert!(loopback.starts_with("127.0.0.1 is not public"), "{loopback}");
}

#[test]
fn what_the_settings_allow_is_allowed() {
    let guard = guard(&["127.0.0.0/8", "64:ff9b::/96"]);
    for url in ["https://2130706433/", "https://0x7f.1:8443/a?b", "https://[64:ff9b::8.8.8.8]/"] {
        assert_eq!(refusal(&guard, url), None, "{url}");
    }
    for url in ["https://[64:ff9b::169.254.169.254]/", "https://10.0.0.1/", "https://[::ffff:127.0.0.1]/"] {
        assert!(refusal(&guard, url).is_some(), "{url}");
    }
    let own_ports =
        DelivererSettings { allowed_ports: vec![Ports::one(6_379)], ..DelivererSettings::default() };
    let guard = UrlGuard::new(&own_ports);
    assert_eq!(refusal(&guard, "https://a.example:6379/"), None);
    assert!(refusal(&guard, "https://a.example/").unwrap().contains("port 443 is not allowed"));
}

#[test]
fn names_are_not_looked_up() {
    let guard = guard(&[]);
    for url in
        ["https://localhost/", "https://receiver.invalid:8443/hook", "https://metadata.google.internal/"]
    {
        assert_eq!(refusal(&guard, url), None, "{url}");
    }
}

#[test]
fn what_is_no_host_is_no_host_here_either() {
    let guard = guard(&[]);
    let long = format!("https://{}/", ["a".repeat(63).as_str(); 5].join("."));
    for url in
        ["https://256.1.1.1/", "https://[fe80::1%25eth0]/", "https://a..example/", "https://a b/", &long]
    {
        let refusal = refusal(&guard, url);
        assert!(refusal.is_some(), "{url}");
        if let Err(Failure::Blocked(at_sending)) = callable(url) {
            assert_eq!(refusal, Some(at_sending));
        }
    }
}
