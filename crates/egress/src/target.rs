//! What is called: one form for each host, whatever the URL writes.

use http::Uri;
use http::uri::{Authority, Scheme};
use url::{Host, Url};

/// Why a URL is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("it is no URL that can be called")]
    NoUrl,
    #[error("only https:// URLs are called")]
    NotHttps,
    #[error("a URL with a user name or password is not called")]
    Userinfo,
    #[error("{0:?} is neither a host name nor an address")]
    BadHost(String),
    #[error("its port is no port")]
    BadPort,
}

/// Reads a URL. What the URL standard allows beyond RFC 3986, such as a host in Unicode, is encoded first.
pub(crate) fn read(text: &str) -> Result<Uri, BadTarget> {
    // The standard also forgives slashes too many and too few, which only hides a mistake.
    let after_scheme = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    if after_scheme.is_empty() || after_scheme.starts_with(['/', '\\']) {
        return Err(BadTarget::NoUrl);
    }
    let encoded = || Url::parse(text).ok().and_then(|url| url.as_str().parse().ok());
    text.parse::<Uri>().ok().or_else(encoded).ok_or(BadTarget::NoUrl)
}

/// The same URL with its host in the form that is judged, looked up, connected to, and named in `Host` and certificate:
/// `0x7f.1` and `2130706433` are 127.0.0.1 in the URL standard, and to the system's resolver as well.
pub(crate) fn normalised(url: &Uri) -> Result<Uri, BadTarget> {
    if url.scheme() != Some(&Scheme::HTTPS) {
        return Err(BadTarget::NotHttps);
    }
    let authority = url.authority().ok_or(BadTarget::NoUrl)?;
    if authority.as_str().contains('@') {
        return Err(BadTarget::Userinfo);
    }
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("" | ":") => String::new(),
        Some(_) => format!(":{}", authority.port_u16().ok_or(BadTarget::BadPort)?),
        None => return Err(BadTarget::BadPort),
    };
    let written = authority.host();
    let bad_host = || BadTarget::BadHost(written.to_owned());
    let host = Host::parse(written).map_err(|_| bad_host())?;
    if let Host::Domain(name) = &host
        && name.strip_suffix('.').unwrap_or(name).split('.').any(str::is_empty)
    {
        return Err(bad_host());
    }
    let normal = format!("{host}{port}");
    if normal == authority.as_str() {
        return Ok(url.clone());
    }
    let mut parts = url.clone().into_parts();
    parts.authority = Some(normal.parse::<Authority>().map_err(|_| bad_host())?);
    Uri::from_parts(parts).map_err(|_| BadTarget::NoUrl)
}
