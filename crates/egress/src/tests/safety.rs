//! What a URL or a name may be made to lead to.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_settings::Ports;
use bytes::Bytes;
use http::{HeaderMap, Uri};
use proptest::prelude::*;

use super::post::{LONG, post};
use super::receiver::Receiver;
use crate::lookup::{LookupFailure, Resolve, Resolving};
use crate::{EgressClient, Failure, callable};

/// Answers as a test says, one answer for each question; the last one stays.
#[derive(Clone, Default)]
struct Names {
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Self {
        let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Self { answers: Arc::new(Mutex::new(answers.iter().map(parsed).collect())), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Names {
    fn resolve(&self, host: String, port: u16, _: Duration) -> Resolving {
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let found = answer.ok_or_else(|| LookupFailure::OfTheName(format!("{host} is not known")));
        self.asked.lock().unwrap().push(host);
        Box::pin(std::future::ready(
            found.map(|found| found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
        ))
    }
}

fn client(receiver: &Receiver, names: &Names) -> EgressClient {
    EgressClient::with_resolver(&receiver.settings(), Arc::new(names.clone())).unwrap()
}

#[tokio::test]
async fn private_addresses_are_blocked_however_they_are_written() {
    let receiver = Receiver::start(&["localhost", "127.0.0.1"]).await;
    let mut settings = receiver.settings();
    settings.allow_cidrs.clear();
    let client = EgressClient::new(&settings).unwrap();
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0X7F.0x0.0x0.0x1",
        "0x7f.1",
        "0177.0.0.1",
        "00000177.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
    ] {
        let failure = post(&client, &format!("https://{host}:{port}/echo"), LONG).await.unwrap_err();
        let Failure::Blocked(text) = &failure else { panic!("{host}: {failure}") };
        assert!(text.contains("is not public"), "{host}: {text}");
    }
    // Only the URL standard takes these; they are read as it says, and judged after that.
    for host in ["１２７.０.０.１", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost", "%31%32%37.0.0.1"]
    {
        let url = callable(&format!("https://{host}:{port}/echo")).unwrap();
        let failure = client.post(&url, HeaderMap::new(), Bytes::new(), LONG).await.unwrap_err();
        let Failure::Blocked(text) = &failure else { panic!("{host}: {failure}") };
        assert!(text.contains("is not public"), "{host}: {text}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn what_is_no_host_is_not_called() {
    for url in [
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
        "https://0x100000000/",
        "https://09.0.0.1/",
        "https://[::1/",
        "https://./",
        "https://a..example/",
        "https://a.example:99999/",
        "https://a.example:4x/",
        "https://user@a.example/",
        "https://user:password@a.example/",
        "https://:@a.example/",
        "https://127.0.0.1@a.example/",
        "https://",
        "https:///path",
        "//a.example/",
        "/path",
        "http://a.example/",
        "ftp://a.example/",
        "",
    ] {
        let judged = callable(url);
        assert!(matches!(judged, Err(Failure::Blocked(_))), "{url}: {judged:?}");
    }
}

#[test]
fn the_rest_of_a_url_stays_as_it_was_written() {
    for (url, called) in [
        ("https://A.example/a/../b?q=%7e#f", "https://a.example/a/../b?q=%7e"),
        ("https://a.example:8443/", "https://a.example:8443/"),
        ("https://a.example:443/", "https://a.example:443/"),
        ("https://134744072/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:0:0::1111]/", "https://[2606:4700::1111]/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ] {
        assert_eq!(callable(url).unwrap(), called.parse::<Uri>().unwrap(), "{url}");
    }
}

#[tokio::test]
async fn a_shorthand_of_an_allowed_address_is_called_as_that_address() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let port = receiver.address.port();
    let response = post(&receiver.client(), &format!("https://0x7f.1:{port}/echo"), LONG).await.unwrap();
    assert!(response.excerpt.contains(&format!("127.0.0.1:{port}")), "{}", response.excerpt);
}

#[tokio::test]
async fn names_with_private_addresses_only_are_blocked() {
    let receiver = Receiver::start(&["inside.example"]).await;
    let url = format!("https://inside.example:{}/echo", receiver.address.port());
    for answer in [
        &["10.0.0.1"][..],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["192.168.0.1", "fd00::1", "100.64.0.1"],
    ] {
        let names = Names::new(&[answer]);
        let failure = post(&client(&receiver, &names), &url, LONG).await.unwrap_err();
        let Failure::Blocked(text) = &failure else { panic!("{answer:?}: {failure}") };
        assert!(text.starts_with("inside.example: "), "{text}");
        let dot = format!("https://inside.example.:{}/echo", receiver.address.port());
        let failure = post(&client(&receiver, &names), &dot, LONG).await.unwrap_err();
        assert!(matches!(failure, Failure::Blocked(_)), "{failure}");
        assert_eq!(names.asked(), 2);
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_public_ones_are_called() {
    let receiver = Receiver::start(&["several.example"]).await;
    let url = format!("https://several.example:{}/echo", receiver.address.port());
    // Without the guard these would be tried first; some of them are this host.
    let names =
        Names::new(&[&["0.0.0.0", "10.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.1", "169.254.169.254"]]);
    let response = post(&client(&receiver, &names), &url, LONG).await.unwrap();
    assert_eq!((response.status, receiver.connections(), names.asked()), (200, 1, 1));
}

/// The name is looked up once for a connection; what was checked is what is connected to, and an answer that would come to
/// a second question is never heard.
#[tokio::test]
async fn a_name_that_changes_after_the_check_changes_nothing() {
    let receiver = Receiver::start(&["rebind.example"]).await;
    let url = format!("https://rebind.example:{}/big", receiver.address.port());
    let names = Names::new(&[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"], &["169.254.169.254"]]);
    let client = client(&receiver, &names);
    // A cut body ends its connection, so that each request makes one.
    for (asked, passes) in [(1, true), (2, false), (3, true), (4, false), (5, false)] {
        let outcome = post(&client, &url, LONG).await;
        assert_eq!(names.asked(), asked, "one question for each connection");
        match outcome {
            Ok(response) => assert!(passes && response.status == 200, "{asked}"),
            Err(failure) => assert!(!passes && matches!(failure, Failure::Blocked(_)), "{asked}: {failure}"),
        }
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_an_answer_and_nothing_else() {
    let receiver = Receiver::start(&["moved.example"]).await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let url = format!("https://moved.example:{}/moved", receiver.address.port());
    let response = post(&client(&receiver, &names), &url, LONG).await.unwrap();
    assert_eq!((response.status, names.asked(), receiver.connections()), (302, 1, 1));
}

#[tokio::test]
async fn ports_are_judged_before_anything_is_asked() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let names = Names::new(&[&["127.0.0.1"]]);
    for port in ["22", "25", "6379", "9092", "0"] {
        let url = format!("https://a.example:{port}/");
        let failure = post(&client(&receiver, &names), &url, LONG).await.unwrap_err();
        let Failure::Blocked(text) = &failure else { panic!("{port}: {failure}") };
        assert!(text.contains(&format!("port {port}")), "{text}");
    }
    let mut settings = receiver.settings();
    settings.allowed_ports = vec![Ports::one(443)];
    let strict = EgressClient::new(&settings).unwrap();
    let url = format!("https://{}/echo", receiver.address);
    assert!(matches!(post(&strict, &url, LONG).await, Err(Failure::Blocked(_))));
    assert_eq!((names.asked(), receiver.connections()), (0, 0));
    settings.allowed_ports = vec![Ports::one(receiver.address.port())];
    let client = EgressClient::new(&settings).unwrap();
    assert_eq!(post(&client, &url, LONG).await.unwrap().status, 200);
}

/// An address in one of the forms of the old `inet_aton`: one to four numbers, each in a base of its own.
fn written(address: u32, parts: usize, bases: [u8; 4]) -> String {
    let bytes = address.to_be_bytes();
    let last = bytes[parts - 1..].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let numbers = bytes[..parts - 1].iter().map(|byte| u32::from(*byte)).chain([last]);
    let texts = numbers.zip(bases).map(|(number, base)| match base % 4 {
        0 => number.to_string(),
        1 => format!("0{number:o}"),
        2 => format!("0x{number:x}"),
        _ => format!("0X000{number:X}"),
    });
    texts.collect::<Vec<_>>().join(".")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_form_of_an_ipv4_address_is_that_address(
        address in any::<u32>(), parts in 1..=4_usize, bases in any::<[u8; 4]>(), dot in any::<bool>(),
    ) {
        let dot = if dot { "." } else { "" };
        let url = callable(&format!("https://{}{dot}/", written(address, parts, bases))).unwrap();
        prop_assert_eq!(url.host().unwrap(), Ipv4Addr::from(address).to_string());
    }

    /// Whatever is written: what is called is HTTPS, without a user, and has a host of one form.
    #[test]
    fn what_is_called_is_in_one_form(text in "https://[-a-z0-9.:@%\\[\\]xX/?#\u{ff10}-\u{ff19}\u{3002}\u{fc}_~\\\\]{0,40}") {
        if let Ok(url) = callable(&text) {
            prop_assert_eq!(url.scheme_str(), Some("https"));
            prop_assert!(!url.authority().unwrap().as_str().contains('@'));
            let host = url.host().unwrap();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            match bare.parse::<IpAddr>() {
                Ok(address) => prop_assert_eq!(address.to_string(), bare),
                Err(_) => {
                    let last = bare.trim_end_matches('.').rsplit('.').next().unwrap();
                    let hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
                    prop_assert!(!last.is_empty() && !last.bytes().all(|b| b.is_ascii_digit()) && !hex, "{}", host);
                }
            }
            prop_assert_eq!(callable(&url.to_string()).unwrap(), url, "once more changes nothing");
        }
    }
}
