//! What a URL says by itself, before any name is looked up: judged when a subscription is created, and by the same rules
//! whenever one is called.

use std::net::IpAddr;

use aerogram_settings::DelivererSettings;
use http::Uri;

use crate::guard::{AddressGuard, Refused};
use crate::ports::{PortGuard, RefusedPort};
use crate::target;

/// The port of HTTPS.
const HTTPS_PORT: u16 = 443;

/// Why a URL is not called. The texts name host, address and port, never what comes after them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    /// It cannot be read.
    #[error("it is no URL that can be called")]
    NoUrl,
    /// It has another scheme.
    #[error("only https:// URLs are called")]
    NotHttps,
    /// It has a user name or a password.
    #[error("a URL with a user name or password is not called")]
    Userinfo,
    /// Its host is none by the URL standard.
    #[error("{0:?} is neither a host name nor an address")]
    BadHost(String),
    /// Its port is no number up to 65535.
    #[error("its port is no port")]
    BadPort,
    /// Such as a name that is too long.
    #[error("{0:?} is neither a host name nor an address that a certificate can be for")]
    NoCertificate(String),
    /// Its port is not allowed.
    #[error("{host}: {refused}")]
    Port {
        /// As it is called.
        host: String,
        /// Why.
        refused: RefusedPort,
    },
    /// It leads to an address that is not allowed.
    #[error("{}{refused}", name_before(host, refused))]
    Address {
        /// As it is called; where the URL names the address itself, the address.
        host: String,
        /// Why.
        refused: Refused,
    },
}

/// The refusal names the address already.
fn name_before(host: &str, refused: &Refused) -> String {
    if host.parse() == Ok(refused.address) { String::new() } else { format!("{host}: ") }
}

/// `deliverer.allow_cidrs` and `deliverer.allowed_ports`.
#[derive(Debug, Clone)]
pub struct UrlGuard {
    addresses: AddressGuard,
    ports: PortGuard,
}

/// Where to connect to.
pub(crate) struct Target {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    /// The host, where it is an address; it may be called.
    pub literal: Option<IpAddr>,
}

impl UrlGuard {
    /// By the settings of the deliverer, whoever asks.
    #[must_use]
    pub fn new(settings: &DelivererSettings) -> Self {
        Self {
            addresses: AddressGuard::new(settings.allow_cidrs.clone()),
            ports: PortGuard::new(settings.allowed_ports.clone()),
        }
    }

    /// Whether a URL could ever be called with these settings. Names are not looked up: where they lead may change, and is
    /// judged at each connection.
    ///
    /// # Errors
    /// When each attempt to call it would be blocked.
    pub fn check(&self, url: &str) -> Result<(), RefusedUrl> {
        let url = target::normalised(&target::read(url)?)?;
        target::server_name(&url)?;
        self.target(&url).map(|_| ())
    }

    /// Judges port and, where it is one, address of a URL in its normal form.
    pub(crate) fn target(&self, url: &Uri) -> Result<Target, RefusedUrl> {
        let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_u16().unwrap_or(HTTPS_PORT);
        if let Err(refused) = self.ports.check(port) {
            return Err(RefusedUrl::Port { host, refused });
        }
        let literal = host.parse::<IpAddr>().ok();
        match literal.map(|address| self.addresses.check(address)) {
            Some(Err(refused)) => Err(RefusedUrl::Address { host, refused }),
            _ => Ok(Target { host, port, literal }),
        }
    }

    /// Judges an address that a name leads to.
    pub(crate) fn address(&self, address: IpAddr) -> Result<(), Refused> {
        self.addresses.check(address)
    }
}
