//! A local HTTPS receiver with an authority of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aerogram_settings::DelivererSettings;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::EgressClient;

pub struct Receiver {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    ca: tempfile::NamedTempFile,
}

impl Receiver {
    /// Listens at 127.0.0.1 with a certificate for these names.
    pub async fn start(names: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Authorities of the same name would be taken for one with another key.
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", address.port()));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), issuer.pem()).unwrap();

        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let http = hyper::server::conn::http1::Builder::new();
                    // A client that goes away is part of some tests.
                    let _ = http.serve_connection(TokioIo::new(tls), service_fn(answer)).await;
                });
            }
        });
        Self { address, connections, ca }
    }

    /// Settings that trust this receiver and may call 127.0.0.0/8.
    pub fn settings(&self) -> DelivererSettings {
        DelivererSettings {
            ca_files: vec![self.ca.path().to_owned()],
            allow_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
            response_max_bytes: 1_000,
            ..DelivererSettings::default()
        }
    }

    pub fn client(&self) -> EgressClient {
        EgressClient::new(&self.settings()).unwrap()
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
            response = response.status(StatusCode::FOUND).header("location", "/echo");
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
