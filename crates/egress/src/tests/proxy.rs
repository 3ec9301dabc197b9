//! Through a CONNECT proxy, and from a local address. The proxy is tinyproxy as Debian has it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::post::{LONG, post};
use super::receiver::Receiver;
use crate::{EgressClient, Failure};

/// How long the proxy may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

struct Tinyproxy {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

impl Tinyproxy {
    /// A proxy that wants `user` and `open-sesame`.
    async fn start() -> Self {
        for _ in 0..5 {
            if let Some(started) = Self::try_start().await {
                return started;
            }
        }
        panic!("tinyproxy does not start");
    }

    /// `None` when somebody else took the port before it.
    async fn try_start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let (config, log) = (directory.path().join("proxy.conf"), directory.path().join("proxy.log"));
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{}\"\nLogLevel Info\nMaxClients 50\n\
             BasicAuth user open-sesame\n",
            log.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("tinyproxy");
        command
            .arg("-d")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("tinyproxy is missing: run scripts/install-test-deps.sh");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut proxy = Self { child, address, log, _directory: directory };
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && proxy.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(address).await.is_ok() {
                return Some(proxy);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    fn client(&self, receiver: &Receiver, credentials: &str) -> EgressClient {
        through(receiver, &format!("http://{credentials}{}", self.address))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RIGHT: &str = "user:open-sesame@";

fn through(receiver: &Receiver, proxy: &str) -> EgressClient {
    let mut settings = receiver.settings();
    settings.proxy = Some(proxy.to_owned().into());
    EgressClient::new(&settings).unwrap()
}

fn ours(outcome: Result<crate::Response, Failure>) -> String {
    match outcome {
        Err(Failure::Local(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_proxy_is_given_the_checked_address_and_tls_the_name() {
    let (receiver, proxy) = (Receiver::start(&["localhost"]).await, Tinyproxy::start().await);
    let client = proxy.client(&receiver, RIGHT);
    let port = receiver.address.port();
    for _ in 0..3 {
        // The certificate is for the name alone.
        let response = post(&client, &format!("https://localhost:{port}/echo"), LONG).await.unwrap();
        assert!(response.excerpt.contains(&format!("localhost:{port}")), "{}", response.excerpt);
    }
    assert_eq!(receiver.connections(), 1, "tunnels are used again");
    let log = proxy.log();
    assert!(log.contains(&format!("CONNECT 127.0.0.1:{port} ")), "{log}");
    assert!(!log.contains("CONNECT localhost"), "{log}");
}

#[tokio::test]
async fn the_guard_stands_before_the_proxy() {
    let (receiver, proxy) = (Receiver::start(&["localhost"]).await, Tinyproxy::start().await);
    let mut settings = receiver.settings();
    settings.proxy = Some(format!("http://{RIGHT}{}", proxy.address).into());
    settings.allow_cidrs.clear();
    let client = EgressClient::new(&settings).unwrap();
    let port = receiver.address.port();
    let outcome = post(&client, &format!("https://localhost:{port}/"), LONG).await;
    assert!(matches!(outcome, Err(Failure::Blocked(_))), "{outcome:?}");
    assert!(!proxy.log().contains(&format!(":{port}")), "{}", proxy.log());
}

#[tokio::test]
async fn what_a_real_proxy_refuses_is_our_own_fault() {
    let (receiver, proxy) = (Receiver::start(&["localhost"]).await, Tinyproxy::start().await);
    let url = format!("https://localhost:{}/echo", receiver.address.port());
    for credentials in ["", "user:hunter2@"] {
        let text = ours(post(&proxy.client(&receiver, credentials), &url, LONG).await);
        assert!(text.contains(&proxy.address.to_string()) && !text.contains("hunter2"), "{text}");
        assert!(text.contains("credentials") || text.contains("401"), "{text}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = ours(post(&proxy.client(&receiver, RIGHT), &format!("https://{nobody}/"), LONG).await);
    assert!(text.contains(&nobody.to_string()) && text.contains("answers CONNECT with 50"), "{text}");
    assert_eq!(receiver.connections(), 0);
}

/// Passwords may hold what stands for something else in a URL.
#[tokio::test]
async fn credentials_are_sent_as_they_are_meant() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    for (credentials, header) in [
        ("user:p%3Ass%25w%40rd@", Some("proxy-authorization: basic dxnlcjpwonnzjxdacmq=\r\n")),
        ("token@", Some("proxy-authorization: basic dg9rzw46\r\n")),
        ("", None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = through(&receiver, &format!("http://{credentials}{}", listener.local_addr().unwrap()));
        let url = format!("https://{}/", receiver.address);
        let (outcome, asked) = tokio::join!(post(&client, &url, LONG), async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(tcp.read_u8().await.unwrap());
            }
            // Base64 loses its case here as well.
            String::from_utf8(asked).unwrap().to_lowercase()
        });
        ours(outcome);
        assert!(asked.starts_with(&format!("connect {} http/1.1\r\n", receiver.address)), "{asked}");
        assert!(asked.contains(&format!("host: {}\r\n", receiver.address)), "{asked}");
        match header {
            Some(header) => assert!(asked.contains(header), "{asked}"),
            None => assert!(!asked.contains("proxy-authorization"), "{asked}"),
        }
    }
}

/// Answers every CONNECT with these bytes and closes, or stays silent.
async fn canned(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _ = tcp.read(&mut request).await;
                let _ = tcp.write_all(answer).await;
                while answer.is_empty() && matches!(tcp.read(&mut request).await, Ok(1..)) {}
            });
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_that_fails_is_our_own_fault() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let url = format!("https://{}/echo", receiver.address);
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cases: [(SocketAddr, &str); 7] = [
        (nobody, "not reached"),
        (canned(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await, "407"),
        (canned(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await, "403"),
        (canned(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 1000000\r\n\r\n").await, "502"),
        (canned(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n").await, "302"),
        (canned(b"SSH-2.0-OpenSSH_9.2\r\n").await, "not valid"),
        (canned(b"HTTP/1.1 200 OK\r\n\r\n220 early\r\n").await, "before the receiver"),
    ];
    for (proxy, expected) in cases {
        let text = ours(post(&through(&receiver, &format!("http://{proxy}")), &url, LONG).await);
        assert!(text.contains(expected) && text.contains(&proxy.to_string()), "{expected}: {text}");
    }
    let text = ours(post(&through(&receiver, "http://proxy.invalid:3128"), &url, LONG).await);
    assert!(text.contains("proxy.invalid") && text.contains("not resolved"), "{text}");
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_told_from_a_receiver_that_says_nothing() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let mut settings = receiver.settings();
    settings.proxy = Some(format!("http://{}", canned(b"").await).into());
    settings.request_timeout_ms = 1_000;
    let client = EgressClient::new(&settings).unwrap();
    let text = ours(post(&client, &format!("https://{}/", receiver.address), LONG).await);
    assert!(text.contains("no tunnel within 800 ms"), "{text}");
}

#[tokio::test]
async fn a_receiver_that_fails_behind_the_proxy_is_still_the_receivers_fault() {
    let (receiver, proxy) = (Receiver::start(&["a.example"]).await, Tinyproxy::start().await);
    let client = proxy.client(&receiver, RIGHT);
    let failure = post(&client, &format!("https://{}/", receiver.address), LONG).await.unwrap_err();
    assert!(matches!(failure, Failure::Tls(_)), "{failure}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let failure = post(&client, &url, Duration::from_millis(800)).await.unwrap_err();
    assert!(matches!(failure, Failure::Timeout(_)), "{failure}");
}

#[tokio::test]
async fn connections_come_from_the_address_that_is_set() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let mut settings = receiver.settings();
    settings.bind_address = Some("127.0.0.42".parse().unwrap());
    let url = format!("https://{}/echo", receiver.address);
    post(&EgressClient::new(&settings).unwrap(), &url, LONG).await.unwrap();
    let peer = receiver.seen.lock().unwrap()[0].peer;
    assert_eq!(peer.ip(), settings.bind_address.unwrap());

    // A receiver of the other family is out of reach by our own choice.
    settings.allow_cidrs.push("::1/128".parse().unwrap());
    let outcome = post(&EgressClient::new(&settings).unwrap(), "https://[::1]:8443/", LONG).await;
    let text = ours(outcome);
    assert!(text.contains("deliverer.bind_address 127.0.0.42"), "{text}");
}

#[tokio::test]
async fn the_proxy_too_is_called_from_the_address_that_is_set() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = receiver.settings();
    settings.bind_address = Some("127.0.0.42".parse().unwrap());
    settings.proxy = Some(format!("http://{}", listener.local_addr().unwrap()).into());
    let client = EgressClient::new(&settings).unwrap();
    let url = format!("https://{}/", receiver.address);
    let (outcome, peer) = tokio::join!(post(&client, &url, LONG), async {
        let (tcp, peer) = listener.accept().await.unwrap();
        drop(tcp);
        peer
    });
    ours(outcome);
    assert_eq!(peer.ip(), settings.bind_address.unwrap());
}
