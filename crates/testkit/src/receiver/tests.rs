use super::*;
use crate::verify;
use bytes::Bytes;
use http::{Request as HttpRequest, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);
const KEY: &str = "your-secret-signing-key-123";

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn client(ca: &Ca) -> HttpsClient {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(ca.client_config().unwrap())
        .https_only()
        .enable_http1()
        .build();
    Client::builder(TokioExecutor::new()).build(connector)
}

async fn post(client: &HttpsClient, url: &str, id: &str, body: &str) -> Result<Response<Incoming>, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signature = verify::sign(KEY, id, now.try_into().unwrap(), body.as_bytes()).unwrap();
    let request = HttpRequest::post(url)
        .header("webhook-id", id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    client.request(request).await
}

async fn status(client: &HttpsClient, url: &str, id: &str) -> u16 {
    post(client, url, id, "{}").await.unwrap().status().as_u16()
}

async fn set_up() -> (TempDir, Receiver, HttpsClient) {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path()).unwrap();
    let receiver = Receiver::start(&ca).await.unwrap();
    let client = client(&ca);
    (dir, receiver, client)
}

#[tokio::test]
async fn writes_down_what_arrives() {
    let (dir, receiver, client) = set_up().await;
    assert!(std::fs::read_to_string(dir.path().join("ca.pem")).unwrap().contains("BEGIN CERTIFICATE"));
    post(&client, &receiver.url("/a"), "m1", r#"{"n":1}"#).await.unwrap();
    post(&client, &receiver.localhost_url("/b?x=1"), "m2", r#"{"n":2}"#).await.unwrap();

    receiver.wait_for_count("/b", 1, SOON).await.unwrap();
    let [first, second] = &receiver.requests()[..] else { panic!("{} requests", receiver.count()) };
    assert_eq!((first.path.as_str(), first.webhook_id()), ("/a", Some("m1")));
    assert_eq!(first.json().unwrap()["n"], 1);
    assert_eq!((first.body_bytes, first.complete, first.nth), (7, true, 1));
    assert_eq!(first.reply, Reply::Status(200));
    assert_eq!(second.path, "/b");
    assert!(second.arrived >= first.arrived && second.arrived_unix_ms >= first.arrived_unix_ms);
    assert!(first.ended().is_some());
    verify::verify_all(KEY, &receiver.requests()).unwrap();
    let error = verify::verify_all("another key", &receiver.requests_on("/b")).unwrap_err();
    assert!(error.to_string().contains("webhook-id m2"), "{error}");
    assert!(verify::verify_all(KEY, &receiver.requests_on("/nowhere")).is_err());
}

#[tokio::test]
async fn fails_the_first_of_each_webhook_id() {
    let (_dir, receiver, client) = set_up().await;
    receiver.behave("/hook", Behaviour::fail_first(2, 500));
    let url = receiver.url("/hook");
    let mut answers = Vec::new();
    for id in ["m1", "m2", "m1", "m1", "m2", "m1"] {
        answers.push(status(&client, &url, id).await);
    }
    assert_eq!(answers, [500, 500, 500, 200, 500, 200]);
    let groups = receiver.by_webhook_id("/hook");
    assert_eq!(groups["m1"].iter().map(|request| request.nth).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(receiver.requests_of("m2").len(), 2);
    // Counted by path: another path knows nothing of it.
    receiver.behave("/other", Behaviour::fail_first(1, 503));
    assert_eq!(status(&client, &receiver.url("/other"), "m1").await, 503);
}

#[tokio::test]
async fn what_was_taken_is_forgotten_but_still_counted() {
    let (_dir, receiver, client) = set_up().await;
    let url = receiver.url("/hook");
    for id in ["m1", "m2", "m1"] {
        status(&client, &url, id).await;
        assert_eq!(receiver.take_requests().len(), 1);
    }
    status(&client, &url, "m1").await;
    assert_eq!(receiver.requests().iter().map(|request| request.nth).collect::<Vec<_>>(), [3]);
    assert_eq!(receiver.count_on("/hook"), 4);
}

#[tokio::test]
async fn changes_behaviour_at_run_time() {
    let (_dir, receiver, client) = set_up().await;
    let url = receiver.url("/hook");
    assert_eq!(status(&client, &url, "m1").await, 200);
    receiver.behave_otherwise(Behaviour::status(410));
    assert_eq!(status(&client, &url, "m1").await, 410);
    receiver.behave("/hook", Behaviour::Always(Reply::with_header(429, "retry-after", "7")));
    let answer = post(&client, &url, "m1", "{}").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    receiver.behave(
        "/hook",
        Behaviour::custom(|arrival| match arrival.body.as_ref() {
            b"{}" => Reply::Status(202),
            _ => Reply::Full { status: 200, headers: Vec::new(), body: Bytes::from_static(b"hello") },
        }),
    );
    assert_eq!(status(&client, &url, "m1").await, 202);
    let answer = post(&client, &url, "m1", "[]").await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().as_ref(), b"hello");
}

#[tokio::test]
async fn closes_delays_and_hangs() {
    let (_dir, receiver, client) = set_up().await;
    receiver.behave("/close", Behaviour::close());
    receiver.behave("/hang", Behaviour::hang());
    receiver.behave("/slow", Behaviour::slow(Duration::from_millis(150)));

    assert!(post(&client, &receiver.url("/close"), "m1", "{}").await.is_err());
    let before = Instant::now();
    assert_eq!(status(&client, &receiver.url("/slow"), "m1").await, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));

    let url = receiver.url("/hang");
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { post(&client, &url, "m1", "{}").await.map(|_| ()) }
    });
    receiver.wait_for_count("/hang", 1, SOON).await.unwrap();
    let request = receiver.requests_on("/hang").remove(0);
    assert_eq!((request.ended(), request.reply.status()), (None, None));
    hanging.abort();
    receiver.wait_for("the client's leaving is seen", SOON, |_| request.ended().is_some()).await.unwrap();
}

#[tokio::test]
async fn waiting_in_vain_is_an_error() {
    let (_dir, receiver, client) = set_up().await;
    status(&client, &receiver.url("/hook"), "m1").await;
    let short = Duration::from_millis(30);
    let error = receiver.wait_for_count("/hook", 2, short).await.unwrap_err();
    assert!(error.to_string().starts_with("1 of 2 requests arrived at /hook"), "{error}");
    let error = receiver.wait_for("pigs fly", short, |_| false).await.unwrap_err();
    assert!(error.to_string().starts_with("pigs fly: not reached"), "{error}");
    receiver.wait_until_quiet(short, SOON).await.unwrap();
    receiver.clear();
    assert_eq!((receiver.count(), receiver.count_on("/hook")), (0, 0));
}

#[tokio::test]
async fn is_trusted_by_its_own_authority_only() {
    let (_dir, receiver, _) = set_up().await;
    let other = tempfile::tempdir().unwrap();
    let stranger = client(&Ca::new(other.path()).unwrap());
    assert!(post(&stranger, &receiver.url("/hook"), "m1", "{}").await.is_err());
    receiver
        .wait_for("the failed handshake is counted", SOON, |_| receiver.failed_handshakes() == 1)
        .await
        .unwrap();
    assert_eq!((receiver.count(), receiver.connections()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_counted() {
    const CLIENTS: usize = 8;
    const EACH: usize = 250;
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new(dir.path()).unwrap();
    let receiver = Receiver::start_lean(&ca).await.unwrap();
    let client = client(&ca);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let (client, url) = (client.clone(), receiver.url("/hook"));
        tasks.spawn(async move {
            for n in 0..EACH {
                assert_eq!(status(&client, &url, &format!("m-{number}-{n}")).await, 200);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(receiver.count_on("/hook"), CLIENTS * EACH);
    assert_eq!(receiver.by_webhook_id("/hook").len(), CLIENTS * EACH);
    let request = &receiver.requests()[0];
    assert_eq!((request.headers.len(), request.body.len(), request.body_bytes), (1, 0, 2));
}
