//! Receivers that misbehave on purpose: each request ends within its one time limit, and its connection with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::{Authority, names};
use super::post::{LONG, post};
use crate::excerpt::COMPRESSED;
use crate::{EgressClient, Failure, Response};

/// The time limit of requests that only it can end.
const LIMIT: Duration = Duration::from_millis(1_500);
/// Far more than the limits: whatever takes as long hangs.
const SLACK: Duration = Duration::from_secs(120);
const DRIP: Duration = Duration::from_millis(20);

type Tls = TlsStream<TcpStream>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    EndlessBody,
    EndlessBodyWithoutChunks,
    DrippingBody,
    StalledBody,
    ShortBody,
    ResetInBody,
    EndlessHead,
    ManyHeaders,
    DrippingHead,
    ResetInHead,
    InformationalFlood,
    ClosedUnanswered,
    NotHttp,
    WrongVersion,
    BadChunk,
    TwoLengths,
    Silence,
    Compressed,
    TwoAnswers,
    EndedByClosing,
    CutWithoutGoodbye,
}

impl Act {
    async fn play(self, tls: &mut Tls) -> std::io::Result<()> {
        const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        const HUNDRED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
        match self {
            Self::EndlessBody => {
                tls.write_all(CHUNKED).await?;
                forever(tls, b"10\r\n0123456789abcdef\r\n").await
            }
            Self::EndlessBodyWithoutChunks => {
                tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                forever(tls, &[b'y'; 1_000]).await
            }
            Self::DrippingBody => {
                tls.write_all(CHUNKED).await?;
                drip(tls, b"1\r\nz\r\n").await
            }
            Self::StalledBody => tls.write_all(&[HUNDRED, b"beginning"].concat()).await,
            Self::ShortBody => {
                tls.write_all(&[HUNDRED, b"short"].concat()).await?;
                tls.shutdown().await
            }
            Self::ResetInBody => {
                tls.write_all(&[HUNDRED, b"half"].concat()).await?;
                tls.flush().await?;
                tls.get_ref().0.set_zero_linger()?;
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
            Self::EndlessHead => {
                tls.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ").await?;
                forever(tls, &[b'a'; 1_000]).await
            }
            Self::ManyHeaders => {
                tls.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                forever(tls, b"a: b\r\n").await
            }
            Self::DrippingHead => {
                tls.write_all(b"HTTP/1.1 200 OK\r\nx-dripping: ").await?;
                drip(tls, b"a").await
            }
            Self::ResetInHead => {
                tls.write_all(b"HTTP/1.1 200 OK\r\nx-he").await?;
                tls.flush().await?;
                tls.get_ref().0.set_zero_linger()?;
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
            Self::InformationalFlood => forever(tls, b"HTTP/1.1 103 Early Hints\r\n\r\n").await,
            Self::ClosedUnanswered => tls.shutdown().await,
            Self::NotHttp => tls.write_all(b"220 mail.example ESMTP\r\n").await,
            Self::WrongVersion => tls.write_all(b"HTTP/3.0 200 OK\r\ncontent-length: 0\r\n\r\n").await,
            Self::BadChunk => tls.write_all(&[CHUNKED, b"zz\r\n"].concat()).await,
            Self::TwoLengths => {
                tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab").await
            }
            Self::Silence => Ok(()),
            Self::Compressed => {
                // The beginning of what unpacks to ten gigabytes.
                let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10000000\r\n\r\n";
                tls.write_all(&[&head[..], b"\x1f\x8b\x08"].concat()).await?;
                forever(tls, &[0; 1_000]).await
            }
            Self::TwoAnswers => {
                let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";
                let unasked = b"HTTP/1.1 418 X\r\ncontent-length: 3\r\n\r\ntwo";
                tls.write_all(&[&ok[..], unasked].concat()).await
            }
            Self::EndedByClosing => {
                tls.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it").await?;
                tls.shutdown().await
            }
            Self::CutWithoutGoodbye => {
                tls.write_all(b"HTTP/1.1 200 OK\r\n\r\npart of it").await?;
                tls.flush().await?;
                // The end of TCP without that of TLS, as somebody between the two could make it.
                tls.get_mut().0.shutdown().await
            }
        }
    }

    /// The time limit of its request: long where it ends by itself, however busy the machine is.
    fn limit(self) -> Duration {
        match self {
            Self::DrippingBody
            | Self::StalledBody
            | Self::DrippingHead
            | Self::Silence
            | Self::InformationalFlood => LIMIT,
            _ => LONG,
        }
    }

    /// What must come of it.
    fn judge(self, outcome: &Result<Response, Failure>) {
        let as_expected = match (self, outcome) {
            (Self::EndlessBody, Ok(answer)) => {
                answer.status == 200 && answer.excerpt.starts_with("0123456789abcdef0")
            }
            (Self::EndlessBodyWithoutChunks, Ok(answer)) => answer.excerpt == "y".repeat(512),
            (Self::Compressed, Ok(answer)) => answer.status == 200 && answer.excerpt == COMPRESSED,
            (Self::TwoAnswers, Ok(answer)) => answer.status == 200 && answer.excerpt == "one",
            (Self::EndedByClosing, Ok(answer)) => answer.excerpt == "all of it",
            (
                Self::DrippingBody | Self::StalledBody | Self::DrippingHead | Self::Silence,
                Err(Failure::Timeout(_)),
            ) => true,
            // The flood ends by whichever cap it reaches first.
            (Self::InformationalFlood, Err(Failure::Timeout(_) | Failure::BadResponse(_))) => true,
            (
                Self::ShortBody
                | Self::ResetInBody
                | Self::EndlessHead
                | Self::ManyHeaders
                | Self::ResetInHead
                | Self::ClosedUnanswered
                | Self::NotHttp
                | Self::WrongVersion
                | Self::BadChunk
                | Self::TwoLengths
                | Self::CutWithoutGoodbye,
                Err(Failure::BadResponse(_)),
            ) => true,
            _ => false,
        };
        assert!(as_expected, "{self:?}: {outcome:?}");
    }

    const ALL: [Self; 21] = [
        Self::EndlessBody,
        Self::EndlessBodyWithoutChunks,
        Self::DrippingBody,
        Self::StalledBody,
        Self::ShortBody,
        Self::ResetInBody,
        Self::EndlessHead,
        Self::ManyHeaders,
        Self::DrippingHead,
        Self::ResetInHead,
        Self::InformationalFlood,
        Self::ClosedUnanswered,
        Self::NotHttp,
        Self::WrongVersion,
        Self::BadChunk,
        Self::TwoLengths,
        Self::Silence,
        Self::Compressed,
        Self::TwoAnswers,
        Self::EndedByClosing,
        Self::CutWithoutGoodbye,
    ];
}

async fn forever(tls: &mut Tls, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        tls.write_all(bytes).await?;
    }
}

async fn drip(tls: &mut Tls, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        tls.write_all(bytes).await?;
        tls.flush().await?;
        tokio::time::sleep(DRIP).await;
    }
}

struct Actor {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// A permit for each connection that the client has left.
    left: Arc<Semaphore>,
}

impl Actor {
    /// Plays its act on every request.
    async fn start(authority: &Authority, act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = authority.server(&names(&["127.0.0.1"]), rustls::ALL_VERSIONS);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (connections, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let actor = Self { address, connections: Arc::clone(&connections), left: Arc::clone(&left) };
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, left) = (acceptor.clone(), Arc::clone(&left));
                tokio::spawn(async move {
                    if let Ok(mut tls) = acceptor.accept(tcp).await {
                        while request(&mut tls).await {
                            if act.play(&mut tls).await.and(tls.flush().await).is_err() {
                                break;
                            }
                        }
                    }
                    left.add_permits(1);
                });
            }
        });
        actor
    }
}

/// Reads a request of `post`, or to the end of the connection.
async fn request(tls: &mut Tls) -> bool {
    let mut seen = Vec::new();
    let mut piece = [0; 4_096];
    while !seen.ends_with(b"\r\n\r\n{}") {
        match tls.read(&mut piece).await {
            Ok(length @ 1..) => seen.extend_from_slice(&piece[..length]),
            _ => return false,
        }
    }
    let head = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(!head.contains("accept-encoding"), "nobody is asked to compress: {head}");
    true
}

async fn attempt(client: &EgressClient, address: SocketAddr, limit: Duration) -> Result<Response, Failure> {
    let url = format!("https://{address}/");
    tokio::time::timeout(SLACK, post(client, &url, limit))
        .await
        .expect("the slot is held beyond the time limit")
}

/// All at once, as one process has them: each request ends, its connection with it, and none is used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_ends_and_its_connection_with_it() {
    let authority = Authority::new();
    let client = authority.client();
    let mut playing = tokio::task::JoinSet::new();
    for act in Act::ALL {
        let actor = Actor::start(&authority, act).await;
        let client = client.clone();
        playing.spawn(async move {
            for requests in 1..=2 {
                act.judge(&attempt(&client, actor.address, act.limit()).await);
                let left = tokio::time::timeout(SLACK, actor.left.acquire()).await;
                left.unwrap_or_else(|_| panic!("{act:?}: the connection stays open")).unwrap().forget();
                assert_eq!(actor.connections.load(Ordering::SeqCst), requests, "{act:?}");
            }
        });
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }
}

#[tokio::test]
async fn a_handshake_that_drips_or_stops_ends_with_the_limit() {
    let authority = Authority::new();
    let client = authority.client();
    for drips in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (gone, is_gone) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            // A record that announces 16 KiB.
            let begun = tcp.write_all(&[22, 3, 3, 0x40, 0]).await;
            while drips && begun.is_ok() && tcp.write_all(&[2]).await.is_ok() {
                tokio::time::sleep(DRIP).await;
            }
            let mut greeting = [0; 4_096];
            while matches!(tcp.read(&mut greeting).await, Ok(1..)) {}
            gone.send(()).unwrap();
        });
        let outcome = attempt(&client, address, LIMIT).await;
        assert!(matches!(outcome, Err(Failure::Timeout(_))), "{outcome:?}");
        tokio::time::timeout(SLACK, is_gone).await.expect("the connection stays open").unwrap();
    }
}

#[tokio::test]
async fn a_backlog_that_is_full_ends_with_the_limit() {
    let authority = Authority::new();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // More than the backlog holds; those beyond it wait for an answer of the kernel, as the request then does.
    let waiting: Vec<_> = (0..8).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
    for _ in 0..2 {
        let outcome = attempt(&authority.client(), address, LIMIT).await;
        assert!(matches!(outcome, Err(Failure::Timeout(_))), "{outcome:?}");
    }
    for task in waiting {
        task.abort();
    }
}

/// The client finishes some connections in the background; the limit of the settings ends these as well.
#[tokio::test]
async fn connecting_is_limited_by_itself() {
    let authority = Authority::new();
    let mut settings = authority.settings();
    settings.request_timeout_ms = 300;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let client = EgressClient::new(&settings).unwrap();
    let failure = post(&client, &url, LONG).await.unwrap_err();
    assert!(matches!(&failure, Failure::Timeout(text) if text.contains("no connection")), "{failure}");
}
