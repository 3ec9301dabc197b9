//! Which URLs may be called back. Where they lead is checked again whenever one is called, on the address itself.

use super::{CALLBACK_URL_MAX_BYTES, UrlCheck};
use url::Url;

/// The URL as its owner wrote it; what may not stand in a URL (RFC 3986), such as an umlaut, is encoded.
pub fn parse_callback_url(text: &str) -> Result<String, String> {
    if text.len() > CALLBACK_URL_MAX_BYTES {
        return Err(format!("must have at most {CALLBACK_URL_MAX_BYTES} bytes"));
    }
    // The parser drops these silently, so a URL with them would not be the one that was meant.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("must hold no white space, control characters or backslashes".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("is not an absolute URL: {error}"))?;
    if url.scheme() != "https" {
        return Err("must begin with https://".to_owned());
    }
    // The parser forgives missing slashes, too many of them, and an empty user name.
    let Some(after_scheme) = text.get("https:".len()..).and_then(|rest| rest.strip_prefix("//")) else {
        return Err("must begin with https://".to_owned());
    };
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err("must name a host after https://".to_owned());
    }
    if authority.contains('@') {
        return Err("must hold no user name or password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must hold no fragment (#)".to_owned());
    }
    if url.port() == Some(0) {
        return Err("must not name port 0".to_owned());
    }
    let stored = if text.bytes().all(may_stand_in_a_url) { text } else { url.as_str() };
    if stored.len() > CALLBACK_URL_MAX_BYTES {
        return Err(format!("must have at most {CALLBACK_URL_MAX_BYTES} bytes once encoded"));
    }
    Ok(stored.to_owned())
}

/// The same, where this installation could call it too.
pub(super) fn parse_callable_url(text: &str, callable: UrlCheck<'_>) -> Result<String, String> {
    let url = parse_callback_url(text)?;
    callable(&url).map(|()| url).map_err(|why| format!("can't be called: {why}"))
}

fn may_stand_in_a_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}
