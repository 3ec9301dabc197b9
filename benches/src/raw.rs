//! The bare HTTP client: hyper with kept-open TLS connections, and nothing around it.

use crate::bodies;
use crate::options::Options;
use crate::system::System;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Connections and caches of both sides are warm after that.
const WARM_UP: Duration = Duration::from_secs(1);

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Raw {
    pub rate_per_s: f64,
    pub requests: u64,
    pub seconds: f64,
}

pub async fn measure(system: &System, options: &Options) -> Result<Raw> {
    let client = client(&system.receiver.ca_file)?;
    let url = format!("{}/raw", system.receiver.addresses.lean);
    let body = Bytes::from(bodies::delivery(&bodies::data(options.data_bytes)));
    let next = Arc::new(AtomicU64::new(0));
    post_for(WARM_UP, options.concurrency, &client, &url, &body, &next).await?;
    let (began, before) = (Instant::now(), next.load(Ordering::Relaxed));
    post_for(Duration::from_secs(options.raw_s), options.concurrency, &client, &url, &body, &next).await?;
    let (seconds, requests) = (began.elapsed().as_secs_f64(), next.load(Ordering::Relaxed) - before);
    let came = system.receiver.count("/raw").await?;
    ensure!(came as u64 == before + requests, "{came} of {} raw requests arrived", before + requests);
    system.receiver.clear().await?;
    Ok(Raw { rate_per_s: requests as f64 / seconds, requests, seconds })
}

async fn post_for(
    time: Duration,
    concurrency: usize,
    client: &Https,
    url: &str,
    body: &Bytes,
    next: &Arc<AtomicU64>,
) -> Result<()> {
    let until = Instant::now() + time;
    let mut posting = JoinSet::new();
    for _ in 0..concurrency {
        let (client, url, body, next) = (client.clone(), url.to_owned(), body.clone(), next.clone());
        posting.spawn(async move {
            while Instant::now() < until {
                post(&client, &url, body.clone(), next.fetch_add(1, Ordering::Relaxed)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = posting.join_next().await {
        ended??;
    }
    Ok(())
}

async fn post(client: &Https, url: &str, body: Bytes, number: u64) -> Result<()> {
    let mut request = Request::post(url).body(Full::new(body))?;
    *request.headers_mut() = bodies::headers(number);
    let response = client.request(request).await.with_context(|| format!("posting to {url}"))?;
    ensure!(response.status() == 200, "{url} answered {}", response.status());
    response.into_body().collect().await?;
    Ok(())
}

fn client(ca_file: &Path) -> Result<Https> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file)?)?;
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new()).build(https))
}
