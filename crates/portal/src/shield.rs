//! What keeps other sites out: what they may not have the browser send, and what they may not show.

use axum::extract::Request;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::{Host, Url};

use crate::error;

/// Nothing comes from elsewhere, nothing stands within the page's text, and nobody shows the page in a page of theirs.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SET: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Around every request: refuses those that another site has a browser make, and has browsers hold to the policy.
pub async fn guard(request: Request, next: Next) -> Response {
    let is_safe = request.method().is_safe();
    let mut response = match request.headers() {
        headers if !is_safe && !is_from_here(headers) => error::from_elsewhere().into_response(),
        headers if !is_safe && is_overheard(headers) => error::overheard().into_response(),
        _ => next.run(request).await,
    };
    for (name, value) in SET {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // Told over plain HTTP it counts for nothing, so who tries this at home is not locked out.
    let year = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
    response
}

/// Browsers say where a request comes from; one that says nothing is not helped.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(&HeaderName::from_static("sec-fetch-site")), text(&ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(&HOST)
        }
        (None, None) => false,
    }
}

/// The page came over plain HTTP from another machine: whoever is on the way reads tokens, and may have changed the page.
fn is_overheard(headers: &HeaderMap) -> bool {
    let origin = headers.get(&ORIGIN).and_then(|origin| Url::parse(origin.to_str().ok()?).ok());
    origin.is_some_and(|origin| {
        origin.scheme() == "http" && !origin.host().as_ref().is_some_and(is_own_machine)
    })
}

fn is_own_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_here(headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_from_here(&pairs.collect())
    }

    #[test]
    fn plain_http_is_for_the_own_machine() {
        let overheard =
            |origin| is_overheard(&[(ORIGIN, HeaderValue::from_static(origin))].into_iter().collect());
        for bad in [
            "http://hooks.example",
            "http://10.0.0.7:8080",
            "http://127.0.0.1.evil.example",
            "http://[fd00::1]",
        ] {
            assert!(overheard(bad), "{bad}");
        }
        for good in [
            "https://hooks.example",
            "http://127.0.0.1:8080",
            "http://127.8.0.1",
            "http://[::1]:8080",
            "http://localhost:8080",
            "http://portal.localhost",
        ] {
            assert!(!overheard(good), "{good}");
        }
        assert!(!is_overheard(&HeaderMap::new()));
    }

    #[test]
    fn only_what_a_browser_says_to_come_from_here_does() {
        for good in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "https://hooks.example"), ("host", "hooks.example")],
            &[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")],
        ] {
            assert!(from_here(good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://a.example"), ("host", "a.example")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example"), ("host", "hooks.example")],
            &[("origin", "null"), ("host", "hooks.example")],
            &[("host", "hooks.example")],
        ] {
            assert!(!from_here(bad), "{bad:?}");
        }
    }
}
