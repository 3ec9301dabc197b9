//! Connecting to checked addresses only.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{DefaultServerNameResolver, ResolveServerName as _};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::guard::{AddressGuard, Refused};

/// The port of HTTPS.
const HTTPS_PORT: u16 = 443;
/// Addresses of one name that are tried, at most.
const ADDRESSES_MAX: usize = 8;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("{host:?} is neither a host name nor an address that a certificate can be for")]
    BadHost { host: String },
    #[error("{host}: {refused}")]
    Blocked { host: String, refused: Refused },
    #[error("{host}: {error}")]
    Lookup { host: String, error: io::Error },
    #[error("{host} has no address")]
    NoAddress { host: String },
    #[error("{address}: {error}")]
    Refused { address: SocketAddr, error: io::Error },
    #[error("no connection to {host} within {timeout_ms} ms")]
    Timeout { host: String, timeout_ms: u128 },
}

/// The name the certificate must be for. Shorthands of addresses (`2130706433`, `0x7f.1`) are refused here.
pub(crate) fn server_name(uri: &Uri) -> Result<ServerName<'static>, DialError> {
    let named = DefaultServerNameResolver::default().resolve(uri);
    named.map_err(|_| DialError::BadHost { host: uri.host().unwrap_or_default().to_owned() })
}

/// Resolves, checks, and connects to what was checked: nothing resolves a second time in between.
#[derive(Clone)]
pub(crate) struct CheckedConnector {
    guard: Arc<AddressGuard>,
    timeout: Duration,
}

impl CheckedConnector {
    pub fn new(guard: AddressGuard, timeout: Duration) -> Self {
        Self { guard: Arc::new(guard), timeout }
    }

    async fn dial(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let addresses = self.addresses(&host, uri.port_u16().unwrap_or(HTTPS_PORT)).await?;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        // A share of the time for each: an unreachable first address must not use up all of it.
        let share = self.timeout / count;
        let mut last = DialError::NoAddress { host: host.clone() };
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|error| DialError::Refused { address, error })?;
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => last = DialError::Refused { address, error },
                Err(_) => last = DialError::Timeout { host: host.clone(), timeout_ms: share.as_millis() },
            }
        }
        Err(last)
    }

    /// The addresses that may be called; an error when there are none, for the guard or otherwise.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(literal) => vec![SocketAddr::new(literal, port)],
            Err(_) => look_up(host.to_owned(), port)
                .await
                .map_err(|error| DialError::Lookup { host: host.to_owned(), error })?,
        };
        let mut refused = None;
        let mut usable = Vec::new();
        for address in found {
            match self.guard.check(address.ip()) {
                Ok(()) if usable.len() < ADDRESSES_MAX => usable.push(address),
                Ok(()) => break,
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            Some(refused) if usable.is_empty() => Err(DialError::Blocked { host: host.to_owned(), refused }),
            _ => Ok(usable),
        }
    }
}

/// Names looked up at the same time. A lookup holds a thread until the resolver answers, also when nobody waits for it
/// any more; without a limit of its own, dead names would use up the threads that everything else needs.
const LOOKUPS_MAX: usize = 64;
static LOOKUPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_MAX)));

async fn look_up(host: String, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let permit = LOOKUPS.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let looking_up = tokio::task::spawn_blocking(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(permit);
        found
    });
    looking_up.await.map_err(std::io::Error::other)?
}

impl Service<Uri> for CheckedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}

/// Limits connecting as a whole, TLS included: the client finishes some connections in the background, where the
/// limit of a request does not reach them.
#[derive(Clone)]
pub(crate) struct LimitedConnector<C> {
    inner: C,
    timeout: Duration,
}

impl<C> LimitedConnector<C> {
    pub fn new(inner: C, timeout: Duration) -> Self {
        Self { inner, timeout }
    }
}

impl<C> Service<Uri> for LimitedConnector<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        let timeout = self.timeout;
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(DialError::Timeout { host, timeout_ms: timeout.as_millis() }.into()),
            }
        })
    }
}
