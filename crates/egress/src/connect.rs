//! Connecting to checked addresses only.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::dial::Dialer;
use crate::failure::is_ours;
use crate::lookup::LookupFailure;
use crate::proxy::ProxyError;
use crate::target;
use crate::url_guard::{RefusedUrl, Target, UrlGuard};

/// Addresses of one name that are tried, at most.
pub(crate) const ADDRESSES_MAX: usize = 8;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error(transparent)]
    Blocked(#[from] RefusedUrl),
    #[error("{host}: {reason}")]
    Lookup { host: String, reason: String },
    #[error("{host} cannot be looked up from here: {reason}")]
    NoResolver { host: String, reason: String },
    #[error("{host} has no address")]
    NoAddress { host: String },
    #[error("{address}: {error}")]
    Refused { address: SocketAddr, error: io::Error },
    #[error("deliverer.bind_address {bind} cannot be used: {error}")]
    Bind { bind: IpAddr, error: io::Error },
    #[error("{address} is of another family than deliverer.bind_address {bind}")]
    OtherFamily { address: SocketAddr, bind: IpAddr },
    #[error("the proxy {proxy} makes no tunnel to {address}: {error}")]
    Proxy { proxy: String, address: SocketAddr, error: ProxyError },
    #[error("no connection to {host} within {timeout_ms} ms")]
    Timeout { host: String, timeout_ms: u128 },
}

/// What the certificate must be for.
pub(crate) fn server_name(uri: &Uri) -> Result<ServerName<'static>, DialError> {
    Ok(target::server_name(uri)?)
}

/// Resolves, checks, and connects to what was checked: nothing resolves a second time in between.
#[derive(Clone)]
pub(crate) struct CheckedConnector {
    shared: Arc<Shared>,
    timeout: Duration,
}

struct Shared {
    guard: UrlGuard,
    dialer: Dialer,
}

impl CheckedConnector {
    pub fn new(guard: UrlGuard, dialer: Dialer, timeout: Duration) -> Self {
        Self { shared: Arc::new(Shared { guard, dialer }), timeout }
    }

    async fn dial(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let target = self.shared.guard.target(&uri)?;
        let addresses = self.addresses(&target).await?;
        let Target { host, .. } = target;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        // A share of the time for each: an unreachable first address must not use up all of it.
        let share = self.timeout / count;
        let mut worst = None;
        for address in addresses {
            match self.shared.dialer.dial(&host, address, share).await {
                Ok(stream) => return Ok(TokioIo::new(stream)),
                Err(error) => worst = Some(worse(worst, error)),
            }
        }
        Err(worst.unwrap_or(DialError::NoAddress { host }))
    }

    /// The addresses that may be called; an error when there are none, for the guard or otherwise. A name with public and
    /// other addresses is called at the public ones alone.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, DialError> {
        let Target { host, port, literal } = target;
        if let Some(literal) = literal {
            return Ok(vec![SocketAddr::new(*literal, *port)]);
        }
        let resolver = &self.shared.dialer.resolver;
        let found = resolver.resolve(host.clone(), *port, self.timeout * 4 / 5).await;
        let found = found.map_err(|failure| match failure {
            LookupFailure::OfTheName(reason) => DialError::Lookup { host: host.clone(), reason },
            LookupFailure::Ours(reason) => DialError::NoResolver { host: host.clone(), reason },
        })?;
        let mut refused = None;
        let mut usable = Vec::new();
        for address in found {
            match self.shared.guard.address(address.ip()) {
                Ok(()) if usable.len() < ADDRESSES_MAX => usable.push(address),
                Ok(()) => break,
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            Some(refused) if usable.is_empty() => {
                Err(RefusedUrl::Address { host: host.clone(), refused }.into())
            }
            _ => Ok(usable),
        }
    }
}

/// Which of two failures tells more of the receiver: what is ours at one of its addresses, such as IPv6 where this host has
/// none, excuses nothing at another.
fn worse(before: Option<DialError>, now: DialError) -> DialError {
    match before {
        Some(before) if now.is_ours() && !before.is_ours() => before,
        _ => now,
    }
}

impl DialError {
    /// Nothing that the receiver could mend.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Refused { error, .. } => is_ours(error),
            Self::NoResolver { .. } | Self::Bind { .. } | Self::OtherFamily { .. } | Self::Proxy { .. } => {
                true
            }
            _ => false,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    /// What is ours at one address is no excuse at another.
    #[test]
    fn the_receivers_fault_at_any_address_counts() {
        let at = |errno: Errno| {
            let address = SocketAddr::from(([192, 0, 2, 1], 443));
            DialError::Refused { address, error: errno.into() }
        };
        let (ours, theirs) = (Errno::NETUNREACH, Errno::CONNREFUSED);
        for (first, second, is_ours) in
            [(ours, ours, true), (ours, theirs, false), (theirs, ours, false), (theirs, theirs, false)]
        {
            let worst = worse(Some(worse(None, at(first))), at(second));
            assert_eq!(worst.is_ours(), is_ours, "{first}, then {second}");
        }
    }
}
