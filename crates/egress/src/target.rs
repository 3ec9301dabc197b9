//! What is called: one form for each host, whatever the URL writes.

use http::Uri;
use http::uri::{Authority, Scheme};
use hyper_rustls::{DefaultServerNameResolver, ResolveServerName as _};
use rustls_pki_types::ServerName;
use url::{Host, Url};

use crate::url_guard::RefusedUrl;

/// Reads a URL. What the URL standard allows beyond RFC 3986, such as a host in Unicode, is encoded first.
pub(crate) fn read(text: &str) -> Result<Uri, RefusedUrl> {
    // The standard also forgives slashes too many and too few, which only hides a mistake.
    let after_scheme = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    if after_scheme.is_empty() || after_scheme.starts_with(['/', '\\']) {
        return Err(RefusedUrl::NoUrl);
    }
    let encoded = || Url::parse(text).ok().and_then(|url| url.as_str().parse().ok());
    text.parse::<Uri>().ok().or_else(encoded).ok_or(RefusedUrl::NoUrl)
}

/// The same URL with its host in the form that is judged, looked up, connected to, and named in `Host` and certificate:
/// `0x7f.1` and `2130706433` are 127.0.0.1 in the URL standard, and to the system's resolver as well.
pub(crate) fn normalised(url: &Uri) -> Result<Uri, RefusedUrl> {
    if url.scheme() != Some(&Scheme::HTTPS) {
        return Err(RefusedUrl::NotHttps);
    }
    let authority = url.authority().ok_or(RefusedUrl::NoUrl)?;
    if authority.as_str().contains('@') {
        return Err(RefusedUrl::Userinfo);
    }
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("" | ":") => String::new(),
        Some(_) => format!(":{}", authority.port_u16().ok_or(RefusedUrl::BadPort)?),
        None => return Err(RefusedUrl::BadPort),
    };
    let written = authority.host();
    let bad_host = || RefusedUrl::BadHost(written.to_owned());
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
    Uri::from_parts(parts).map_err(|_| RefusedUrl::NoUrl)
}

/// The name or address that the certificate must be for. Hosts that are not in their normal form are refused here.
pub(crate) fn server_name(url: &Uri) -> Result<ServerName<'static>, RefusedUrl> {
    let named = DefaultServerNameResolver::default().resolve(url);
    named.map_err(|_| RefusedUrl::NoCertificate(url.host().unwrap_or_default().to_owned()))
}
