//! Tunnels through a proxy (RFC 9110, CONNECT).

use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use url::Url;

/// Largest head of a proxy's answer, in bytes.
const HEAD_MAX_BYTES: usize = 16_384;

/// Why there is no tunnel. All of it is our own fault: the proxy is ours, and when it says that it does not reach a
/// receiver, nothing tells whether that is the receiver's doing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("its name is not resolved: {0}")]
    Lookup(String),
    #[error("its name has no address")]
    NoAddress,
    #[error("it is not reached: {0}")]
    Unreachable(String),
    #[error("it wants other credentials than those in deliverer.proxy (407)")]
    Credentials,
    #[error("it answers CONNECT with {0}")]
    Refused(StatusCode),
    #[error("its answer is not valid: {0}")]
    Broken(#[from] hyper::Error),
    #[error("it speaks before the receiver does")]
    Early,
    #[error("no tunnel within {0} ms")]
    Late(u128),
}

/// A proxy's address and our credentials there.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Reads `deliverer.proxy`. What is wrong is said without the URL, which may hold a password.
    pub fn parse(setting: &SecretString) -> Result<Self, &'static str> {
        let url = Url::parse(setting.expose_secret()).map_err(|_| "is not a URL")?;
        if url.scheme() != "http" {
            return Err("must begin with http://");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("must end after host and port");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().ok_or("names no port")?;
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let mut pair: Vec<u8> = percent_decode_str(user).collect();
                pair.push(b':');
                pair.extend(percent_decode_str(password.unwrap_or_default()));
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
                let mut value = HeaderValue::try_from(value).map_err(|_| "has unusable credentials")?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self { host, port, authorization })
    }

    /// For messages; without credentials.
    pub fn shown(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Makes the connection to the proxy one to `address`. The proxy is given the address that was checked, never a name
    /// that it would look up again.
    pub async fn connect(&self, to_proxy: TcpStream, address: SocketAddr) -> Result<TcpStream, ProxyError> {
        let authority = address.to_string();
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = authority.parse().map_err(|_| ProxyError::NoAddress)?;
        let host = HeaderValue::try_from(authority).map_err(|_| ProxyError::NoAddress)?;
        request.headers_mut().insert(HOST, host);
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }

        let mut http = http1::Builder::new();
        let (mut sender, connection) =
            http.max_buf_size(HEAD_MAX_BYTES).handshake(TokioIo::new(to_proxy)).await?;
        let asking = async move {
            let response = sender.send_request(request).await?;
            match response.status() {
                status if status.is_success() => Ok(hyper::upgrade::on(response).await?),
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(ProxyError::Credentials),
                status => Err(ProxyError::Refused(status)),
            }
        };
        // Both in this task: when it is dropped, so is the connection.
        let mut asking = std::pin::pin!(asking);
        let mut connection = std::pin::pin!(connection.with_upgrades());
        let upgraded = tokio::select! {
            biased;
            upgraded = &mut asking => upgraded?,
            _ = &mut connection => asking.await?,
        };
        let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| ProxyError::Early)?;
        if parts.read_buf.is_empty() { Ok(parts.io.into_inner()) } else { Err(ProxyError::Early) }
    }
}
