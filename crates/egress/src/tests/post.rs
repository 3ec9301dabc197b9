use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri};
use tokio::net::TcpListener;

use super::receiver::Receiver;
use crate::{EgressClient, Failure, Response, RootProblem};

pub const LONG: Duration = Duration::from_secs(60);

pub async fn post(client: &EgressClient, url: &str, timeout: Duration) -> Result<Response, Failure> {
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
    assert_eq!(response.excerpt, format!("POST {agent} yes localhost:{port} body"));
    assert_eq!(response.retry_after, None);
}

#[tokio::test]
async fn connections_are_used_again() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let client = receiver.client();
    for _ in 0..3 {
        post(&client, &format!("https://{}/echo", receiver.address), LONG).await.unwrap();
    }
    assert_eq!(receiver.connections(), 1);
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
        (503, Some("120"), "later".to_owned())
    );
}

#[tokio::test]
async fn a_big_body_is_read_to_the_cap() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let client = receiver.client();
    for _ in 0..2 {
        let response = post(&client, &format!("https://{}/big", receiver.address), LONG).await.unwrap();
        assert_eq!((response.status, response.excerpt), (200, "x".repeat(512)));
    }
    // What is left unread of a body is never read as an answer to something else.
    assert_eq!(receiver.connections(), 2);
    let mut settings = receiver.settings();
    settings.excerpt_max_bytes = 0;
    let client = EgressClient::new(&settings).unwrap();
    let response = post(&client, &format!("https://{}/busy", receiver.address), LONG).await.unwrap();
    assert_eq!((response.status, response.excerpt.as_str()), (503, ""));
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
}

#[tokio::test]
async fn only_https_is_called() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    for url in [format!("http://{}/echo", receiver.address), "/echo".to_owned()] {
        assert!(matches!(post(&receiver.client(), &url, LONG).await, Err(Failure::Blocked(_))), "{url}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn all_wrong_settings_are_named_at_once() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let empty = tempfile::NamedTempFile::new().unwrap();
    let mut settings = receiver.settings();
    settings.ca_files = vec![PathBuf::from("/nonexistent/ca.pem"), empty.path().to_owned()];
    settings.user_agent = "a\nb".to_owned();
    settings.proxy = Some("socks5://user:hunter2@proxy:1080".to_owned().into());
    settings.bind_address = Some("192.0.2.1".parse().unwrap());
    let Err(error) = EgressClient::new(&settings) else { panic!("taken") };
    assert!(matches!(
        error.0[..],
        [
            RootProblem::UserAgent,
            RootProblem::Proxy(_),
            RootProblem::BindAddress { .. },
            RootProblem::Unreadable { .. },
            RootProblem::Empty(_)
        ]
    ));
    let text = error.to_string();
    assert!(text.contains("/nonexistent/ca.pem") && !text.contains("hunter2"), "{text}");
}
