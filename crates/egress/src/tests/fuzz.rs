//! URLs that were good once: whatever a change makes of one, what is accepted at a creation is called by the rules of
//! sending, and a second reading that shares no code with the first finds nothing in it that is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aerogram_domain::subscription_request::parse_callback_url;
use aerogram_settings::DelivererSettings;
use fastrand::Rng;
use url::{Host, Url};

use crate::{UrlGuard, callable};

/// Unless the environment says otherwise.
const CASES: usize = 200_000;
const CASES_MIN: usize = 1_000;
const SEED: u64 = 0x5eed_0006;
/// Stands in path and query of every URL; no host can have it.
const HUSH: &str = "hu@sh";

const GOOD: [&str; 8] = [
    "https://hooks.example.com/hu@sh?hu@sh=1",
    "https://hooks.example.com:8443/hu@sh/{a}?b=%20hu@sh",
    "https://8.8.8.8/hu@sh",
    "https://[2606:4700::1111]:443/hu@sh",
    "https://127.0.0.1/hu@sh",
    "https://[::ffff:10.0.0.1]/hu@sh",
    "https://bücher.example/hu@sh",
    "https://xn--bcher-kva.example?hu@sh",
];

const SNIPPETS: [&str; 72] = [
    "/",
    "//",
    "\\",
    "@",
    "user:pw@",
    "#",
    "?",
    ":",
    ":443",
    ":22",
    ":6379",
    ":0",
    ":99999",
    ":+443",
    "%",
    "%2e",
    "%31",
    "%40",
    "%00",
    "%5B",
    "[",
    "]",
    "[::1]",
    "[::]",
    "::ffff:",
    "64:ff9b::",
    "2002:7f00:1::",
    "fe80::1%25eth0",
    "127.1",
    "127.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "10.0.0.1",
    "0xa.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0",
    "0x",
    "00",
    "08",
    "4294967296",
    "255",
    "256",
    ".",
    "..",
    "。",
    "１２７.０.０.１",
    "①",
    "ß",
    "é",
    "\u{200d}",
    "\u{ad}",
    "\u{0}",
    "\n",
    "\t",
    " ",
    "http://",
    "https:",
    "HTTPS://",
    "https",
    "s",
    "-",
    "_",
    "xn--",
    "a",
    "<",
    "\"",
    "|",
];

fn changed(random: &mut Rng) -> String {
    let mut text: Vec<char> = GOOD[random.usize(..GOOD.len())].chars().collect();
    // Mostly where the host and the port stand; that is where something can go wrong.
    let host = 8..text.iter().skip(8).position(|c| *c == '/' || *c == '?').map_or(text.len(), |at| at + 8);
    if random.bool() {
        let spelling = SNIPPETS[random.usize(..SNIPPETS.len())];
        text.splice(host, spelling.chars());
    }
    for _ in 0..random.usize(..4) {
        let at = random.usize(..=text.len().min(32));
        let until = (at + random.usize(..6)).min(text.len());
        let snippet = SNIPPETS[random.usize(..SNIPPETS.len())];
        match random.u8(..4) {
            0 => drop(text.drain(at..until)),
            1 | 2 => drop(text.splice(at..at, snippet.chars())),
            _ => drop(text.splice(at..until, snippet.chars())),
        }
    }
    text.into_iter().collect()
}

/// How many cases, and from which seed: always the same, unless `AEROGRAM_FUZZ_CASES` and `AEROGRAM_FUZZ_SEED` say others.
fn cases_and_seed() -> (usize, u64) {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text:?} is no whole number")))
    };
    let cases = number("AEROGRAM_FUZZ_CASES").map_or(CASES, |cases| usize::try_from(cases).unwrap());
    assert!(cases >= CASES_MIN, "AEROGRAM_FUZZ_CASES={cases}: fewer than {CASES_MIN} show nothing");
    let seed = number("AEROGRAM_FUZZ_SEED").unwrap_or(SEED);
    // Shown when it fails.
    println!("AEROGRAM_FUZZ_SEED={seed} AEROGRAM_FUZZ_CASES={cases}");
    (cases, seed)
}

#[test]
fn no_change_of_a_url_gets_past_the_guard() {
    let (cases, seed) = cases_and_seed();
    let mut random = Rng::with_seed(seed);
    let guard = UrlGuard::new(&DelivererSettings::default());
    let (mut accepted, mut malformed, mut refused) = (0, 0, 0);
    for case in 0..cases {
        let text = changed(&mut random);
        let what = || format!("case {case}: {text:?}");
        let stored = match parse_callback_url(&text) {
            Ok(stored) => stored,
            Err(detail) => {
                malformed += 1;
                assert!(!detail.contains(HUSH), "{}: {detail}", what());
                continue;
            }
        };
        if let Err(error) = guard.check(&stored) {
            refused += 1;
            assert!(!error.to_string().contains(HUSH), "{}: {error}", what());
            continue;
        }
        accepted += 1;
        let uri = callable(&stored).unwrap_or_else(|error| panic!("{}: {error}", what()));
        assert_eq!(guard.check(&uri.to_string()), Ok(()), "{}", what());
        // The same by the URL standard alone, and by the form that is called.
        for read in [Url::parse(&stored), Url::parse(&uri.to_string())] {
            let read = read.unwrap_or_else(|error| panic!("{}: {error}", what()));
            assert_eq!(read.scheme(), "https", "{}", what());
            assert!(read.username().is_empty() && read.password().is_none(), "{}", what());
            assert!(read.fragment().is_none(), "{}", what());
            let port = read.port_or_known_default().unwrap_or_default();
            assert!(port == 443 || (port >= 1_024 && port != 6_379), "{}: port {port}", what());
            let host = read.host().map(|host| host.to_owned());
            assert!(host.as_ref().is_some_and(|host| !names_refused(host)), "{}: {host:?}", what());
            assert_eq!(host.map(|host| host.to_string()).as_deref(), uri.host(), "{}", what());
        }
        let host = uri.host().unwrap_or_default();
        assert!(as_the_resolver_reads(host).is_none_or(|v4| !is_refused_v4(v4)), "{}: {host}", what());
    }
    // Otherwise the changes are too many or too few to find anything.
    for (what, count) in [("accepted", accepted), ("malformed", malformed), ("refused", refused)] {
        assert!(count > cases / 50, "{count} {what}");
    }
}

fn names_refused(host: &Host) -> bool {
    match host {
        Host::Ipv4(address) => is_refused_v4(*address),
        Host::Ipv6(address) => is_refused_v6(*address),
        Host::Domain(name) => name.parse::<IpAddr>().is_ok() || as_the_resolver_reads(name).is_some(),
    }
}

/// What the standard library knows to be no public address.
fn is_refused_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || (a, b & 0xc0) == (100, 64)
        || a == 0
        || a >= 240
}

fn is_refused_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || address.to_ipv4().is_some()
        || matches!(address.segments(), [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0 | 0xdb8, ..])
}

/// `inet_aton`: one to four numbers, decimal, octal or hexadecimal, of which the last fills what is left.
fn as_the_resolver_reads(host: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    };
    let parts = host.trim_end_matches('.').split('.').map(number).collect::<Option<Vec<_>>>()?;
    let (last, before) = parts.split_last()?;
    let left_bits = 8 * u32::try_from(4_usize.checked_sub(before.len())?).ok()?;
    if left_bits == 0 || before.iter().any(|part| *part > 255) || *last >= 1 << left_bits {
        return None;
    }
    let high = before.iter().fold(0, |high, part| high << 8 | part);
    u32::try_from(high << left_bits | last).ok().map(Ipv4Addr::from_bits)
}

#[test]
fn the_second_reading_reads_as_the_resolver_does() {
    for text in ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "017700000001", "127.0.0.1."] {
        assert_eq!(as_the_resolver_reads(text), Some(Ipv4Addr::LOCALHOST), "{text}");
    }
    for text in ["example", "256.1.1.1", "1.2.3.4.5", "4294967296", "09", ""] {
        assert_eq!(as_the_resolver_reads(text), None, "{text}");
    }
}
