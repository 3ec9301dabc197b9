use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use tokio::net::TcpListener;

use super::receiver::{Receiver, plain};
use crate::{EgressClient, Failure, Response, RootProblem};

const LONG: Duration = Duration::from_secs(60);

async fn post(client: &EgressClient, url: &str, timeout: Duration) -> Result<Response, Failure> {
    let url: Uri = url.parse().unwrap();
    client.post(&url, HeaderMap::new(), Bytes::from_static(b"{}"), timeout).await
}

#[tokio::test]
async fn a_post_is_answered_and_its_headers_arrive() {
    let receiver = Receiver::start(&["localhost", "127.0.0.1"]).await;
    let mut headers = HeaderMap::new();
    headers.insert("x-test", HeaderValue::from_static("yes"));
    headers.insert("host", HeaderValue::from_static("elsewhere"));
    headers.insert("content-length", HeaderValue::from_static("1"));
    let port = receiver.address.port();
    let url: Uri = format!("https://localhost:{port}/echo").parse().unwrap();
    let response = receiver.client().post(&url, headers, Bytes::from_static(b"body"), LONG).await.unwrap();
    assert_eq!(response.status, 200);
    let agent = aerogram_settings::DelivererSettings::default().user_agent;
    assert_eq!(
        String::from_utf8(response.excerpt).unwrap(),
        format!("POST {agent} yes localhost:{port} body")
    );
    assert_eq!(response.retry_after, None);
}

#[tokio::test]
async fn connections_are_used_again() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let client = receiver.client();
    for _ in 0..3 {
        post(&client, &format!("https://{}/echo", receiver.address), LONG).await.unwrap();
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn statuses_redirects_and_retry_after_are_handed_over() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let client = receiver.client();
    let moved = post(&client, &format!("https://{}/moved", receiver.address), LONG).await.unwrap();
    assert_eq!((moved.status, moved.excerpt.len()), (302, 0));
    let busy = post(&client, &format!("https://{}/busy", receiver.address), LONG).await.unwrap();
    assert_eq!(
        (busy.status, busy.retry_after.as_deref(), busy.excerpt),
        (503, Some("120"), b"later".to_vec())
    );
}

#[tokio::test]
async fn a_big_body_is_read_to_the_cap() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let client = receiver.client();
    for _ in 0..2 {
        let response = post(&client, &format!("https://{}/big", receiver.address), LONG).await.unwrap();
        assert_eq!((response.status, response.excerpt.len()), (200, 1_000));
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let other = Receiver::start(&["127.0.0.1"]).await;
    let failure =
        post(&other.client(), &format!("https://{}/echo", receiver.address), LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Tls(text) if text.contains("UnknownIssuer")), "{failure}");
    assert_eq!(failure.label(), "tls");
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let receiver = Receiver::start(&["receiver.example"]).await;
    let failure =
        post(&receiver.client(), &format!("https://{}/", receiver.address), LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Tls(text) if text.contains("not valid for")), "{failure}");
}

#[tokio::test]
async fn what_does_not_speak_tls_fails_as_tls() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b""] {
        let address = plain(bytes).await;
        let failure = post(&receiver.client(), &format!("https://{address}/"), LONG).await.unwrap_err();
        assert!(matches!(failure, Failure::Tls(_)), "{failure}");
    }
}

#[tokio::test]
async fn a_port_nobody_listens_at_fails_as_connect() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = post(&receiver.client(), &format!("https://{address}/"), LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Connect(text) if text.contains(&address.to_string())), "{failure}");
}

#[tokio::test]
async fn a_name_without_address_fails_as_dns() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let failure = post(&receiver.client(), "https://receiver.invalid/", LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Dns(text) if text.contains("receiver.invalid")), "{failure}");
}

#[tokio::test]
async fn the_time_limit_covers_handshake_and_answer() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let short = Duration::from_millis(300);
    let failure =
        post(&receiver.client(), &format!("https://{}/slow", receiver.address), short).await.unwrap_err();
    assert!(matches!(&failure, Failure::Timeout(text) if text.contains("300 ms")), "{failure}");

    // Accepts by its backlog and never answers the handshake.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    assert!(matches!(post(&receiver.client(), &url, short).await, Err(Failure::Timeout(_))));
    let mut settings = receiver.settings();
    settings.request_timeout_ms = 300;
    let client = EgressClient::new(&settings).unwrap();
    let failure = post(&client, &url, LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Timeout(text) if text.contains("no connection")), "{failure}");
}

#[tokio::test]
async fn addresses_that_are_not_public_are_blocked_before_anything_is_sent() {
    let receiver = Receiver::start(&["localhost", "127.0.0.1"]).await;
    let mut settings = receiver.settings();
    settings.allow_cidrs.clear();
    let client = EgressClient::new(&settings).unwrap();
    let port = receiver.address.port();
    for host in
        ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"]
    {
        let failure = post(&client, &format!("https://{host}:{port}/echo"), LONG).await.unwrap_err();
        assert!(matches!(failure, Failure::Blocked(_)), "{host}: {failure}");
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn only_https_is_called() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    for url in [format!("http://{}/echo", receiver.address), "/echo".to_owned()] {
        assert!(matches!(post(&receiver.client(), &url, LONG).await, Err(Failure::Blocked(_))), "{url}");
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn all_wrong_settings_are_named_at_once() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let empty = tempfile::NamedTempFile::new().unwrap();
    let mut settings = receiver.settings();
    settings.ca_files = vec![PathBuf::from("/nonexistent/ca.pem"), empty.path().to_owned()];
    settings.user_agent = "a\nb".to_owned();
    let Err(error) = EgressClient::new(&settings) else { panic!("taken") };
    assert!(matches!(
        error.0[..],
        [RootProblem::UserAgent, RootProblem::Unreadable { .. }, RootProblem::Empty(_)]
    ));
    assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
}
