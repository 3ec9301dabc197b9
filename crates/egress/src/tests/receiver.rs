//! A local HTTPS receiver with an authority of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_settings::DelivererSettings;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, names};
use crate::EgressClient;

/// One connection as the receiver saw it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub peer: SocketAddr,
    pub version: Option<ProtocolVersion>,
}

pub struct Receiver {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    authority: Authority,
}

impl Receiver {
    /// Listens at 127.0.0.1 with a certificate for these names.
    pub async fn start(hosts: &[&str]) -> Self {
        let authority = Authority::new();
        let config = authority.server(&names(hosts), rustls::ALL_VERSIONS);
        Self::with(authority, config).await
    }

    /// Listens at 127.0.0.1 as the configuration says.
    pub async fn with(authority: Authority, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let seeing = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((tcp, peer)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                let seeing = Arc::clone(&seeing);
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    seeing.lock().unwrap().push(Seen { peer, version: tls.get_ref().1.protocol_version() });
                    let http = hyper::server::conn::http1::Builder::new();
                    // A client that goes away is part of some tests.
                    let _ = http.serve_connection(TokioIo::new(tls), service_fn(answer)).await;
                });
            }
        });
        Self { address, connections, seen, authority }
    }

    /// Settings that trust this receiver and may call 127.0.0.0/8.
    pub fn settings(&self) -> DelivererSettings {
        self.authority.settings()
    }

    pub fn client(&self) -> EgressClient {
        self.authority.client()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut response = Response::builder();
    let body = match path.as_str() {
        "/echo" => {
            let headers = request.headers().clone();
            let header =
                |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
            let seen = format!("{} {} {}", request.method(), header("user-agent"), header("x-test"));
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Bytes::from(format!("{seen} {} {}", header("host"), String::from_utf8(body.to_vec()).unwrap()))
        }
        "/moved" => {
            response = response
                .status(StatusCode::FOUND)
                .header("location", "https://169.254.169.254/latest/meta-data/");
            Bytes::new()
        }
        "/busy" => {
            response = response.status(StatusCode::SERVICE_UNAVAILABLE).header("retry-after", "120");
            Bytes::from_static(b"later")
        }
        "/big" => Bytes::from(vec![b'x'; 10_000_000]),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Bytes::new()
        }
        _ => {
            response = response.status(StatusCode::NOT_FOUND);
            Bytes::new()
        }
    };
    Ok(response.body(Full::new(body)).unwrap())
}

/// Listens without TLS and answers every connection with `bytes`, then closes it.
pub async fn plain(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.write_all(bytes).await;
        }
    });
    address
}
