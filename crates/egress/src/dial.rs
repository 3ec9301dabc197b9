//! TCP to one address: directly or through the proxy, from the local address that is set.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use crate::connect::{ADDRESSES_MAX, DialError};
use crate::lookup::{LookupFailure, Resolve};
use crate::proxy::{Proxy, ProxyError};

/// How addresses are reached.
pub(crate) struct Dialer {
    pub bind: Option<IpAddr>,
    pub proxy: Option<Proxy>,
    pub resolver: Arc<dyn Resolve>,
}

impl Dialer {
    /// A connection to `address`, which was checked, within `within`.
    pub async fn dial(
        &self,
        host: &str,
        address: SocketAddr,
        within: Duration,
    ) -> Result<TcpStream, DialError> {
        let Some(proxy) = &self.proxy else {
            let connecting = tokio::time::timeout(within, self.connect(address)).await;
            return connecting.unwrap_or_else(|_| {
                Err(DialError::Timeout { host: host.to_owned(), timeout_ms: within.as_millis() })
            });
        };
        // Less than the whole, so that a proxy that says nothing is told from a receiver that says nothing.
        let within = within * 4 / 5;
        let tunnelling = tokio::time::timeout(within, self.tunnel(proxy, address)).await;
        let tunnelled = tunnelling.unwrap_or_else(|_| Err(ProxyError::Late(within.as_millis())));
        tunnelled.map_err(|error| DialError::Proxy { proxy: proxy.shown(), address, error })
    }

    async fn tunnel(&self, proxy: &Proxy, to: SocketAddr) -> Result<TcpStream, ProxyError> {
        let mut last = ProxyError::NoAddress;
        for address in self.addresses_of(proxy).await?.into_iter().take(ADDRESSES_MAX) {
            match self.connect(address).await {
                Ok(stream) => return proxy.connect(stream, to).await,
                Err(error) => last = ProxyError::Unreachable(error.to_string()),
            }
        }
        Err(last)
    }

    /// Not judged by the guard: whoever configures a proxy wants it to be called.
    async fn addresses_of(&self, proxy: &Proxy) -> Result<Vec<SocketAddr>, ProxyError> {
        if let Ok(literal) = proxy.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(literal, proxy.port)]);
        }
        // The caller limits the whole.
        let found = self.resolver.resolve(proxy.host.clone(), proxy.port, Duration::MAX).await;
        found.map_err(|failure| match failure {
            LookupFailure::OfTheName(reason) | LookupFailure::Ours(reason) => ProxyError::Lookup(reason),
        })
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, DialError> {
        let refused = |error: io::Error| DialError::Refused { address, error };
        let stream = match self.bind {
            None => TcpStream::connect(address).await.map_err(refused)?,
            Some(bind) if bind.is_ipv4() != address.is_ipv4() => {
                return Err(DialError::OtherFamily { address, bind });
            }
            Some(bind) => {
                let socket = if bind.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
                let socket = socket.map_err(refused)?;
                socket.bind(SocketAddr::new(bind, 0)).map_err(|error| DialError::Bind { bind, error })?;
                socket.connect(address).await.map_err(refused)?
            }
        };
        stream.set_nodelay(true).map_err(refused)?;
        Ok(stream)
    }
}
