//! The REST API, asked in the name of who is signed in.

mod refused;
mod whole;

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, ETAG, FORWARDED};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

pub use refused::{Refused, Wrong};
pub use whole::{Api, aside};

/// Where the REST API is.
const BASE: &str = "/api/v2/webhooks";
/// An answer may have so many bytes: a hundred thousand subscriptions without what they send.
const ANSWER_BYTES_MAX: usize = 128 * 1_024 * 1_024;
const CLIENT_ID: HeaderName = HeaderName::from_static("x-api-client-id");
const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// What of a browser's request goes on with those it leads to: where it came from, and what it is part of.
const CARRIED: [HeaderName; 3] =
    [HeaderName::from_static("x-forwarded-for"), FORWARDED, HeaderName::from_static("traceparent")];
/// What stands for itself within a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Who asks. `Debug` shows nothing of the token.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub client: String,
    pub token: SecretString,
}

/// Marks a request, as an extension of it, as one that the portal makes; nobody can put it there from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct ViaPortal;

/// The API, for one request of a browser.
#[derive(Clone)]
pub struct Rest {
    api: Api,
    headers: HeaderMap,
    connected: Option<ConnectInfo<SocketAddr>>,
}

/// What was answered, with its entity tag.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub etag: Option<String>,
    body: Bytes,
}

impl Rest {
    /// `None`: these can't be credentials, since no header can hold them.
    pub fn of(api: &Api, parts: &Parts, credentials: &Credentials) -> Option<Self> {
        let mut headers = HeaderMap::new();
        for name in CARRIED {
            for value in parts.headers.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        headers.insert(CLIENT_ID, HeaderValue::from_str(&credentials.client).ok()?);
        let mut token = HeaderValue::from_str(credentials.token.expose_secret()).ok()?;
        token.set_sensitive(true);
        headers.insert(TOKEN, token);
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>().copied();
        Some(Self { api: api.clone(), headers, connected })
    }

    /// `path` as [`path`] makes it, with its query.
    ///
    /// # Errors
    /// Every answer that is no success, and one that is not of this shape.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        self.send(Method::GET, path, None, &[]).await?.read()
    }

    /// With a body, and headers such as `If-Match`.
    ///
    /// # Errors
    /// Every answer that is no success.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(HeaderName, String)],
    ) -> Result<Answer, Refused> {
        self.send_text(method, path, body.map(Value::to_string), headers).await
    }

    /// With a body of JSON as it was written: its numbers keep their digits, and its names their order.
    ///
    /// # Errors
    /// Every answer that is no success.
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(HeaderName, String)],
    ) -> Result<Answer, Refused> {
        let has_body = body.is_some();
        let mut request = Request::new(body.map_or_else(Body::empty, Body::from));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{BASE}{path}").parse().map_err(|_| Refused::NotFound)?;
        *request.headers_mut() = self.headers.clone();
        if has_body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Refused::broken(format!("no header can hold this {name}")))?;
            request.headers_mut().insert(name, value);
        }
        request.extensions_mut().insert(ViaPortal);
        if let Some(connected) = self.connected {
            request.extensions_mut().insert(connected);
        }
        let response =
            Box::pin(self.api.router().oneshot(request)).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body
            .map_err(|error| Refused::broken(format!("an answer could not be read: {error}")))?
            .to_bytes();
        if !parts.status.is_success() {
            return Err(Refused::of(parts.status, &parts.headers, &body));
        }
        let etag = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: parts.status, etag, body })
    }
}

impl Answer {
    /// # Errors
    /// It is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        // Where it is, and not what is there: that may be secret.
        serde_json::from_slice(&self.body).map_err(|error| {
            let (kind, line, column) = (error.classify(), error.line(), error.column());
            Refused::broken(format!("an answer was not understood: {kind:?} at line {line}, column {column}"))
        })
    }
}

/// A path of these parts, each of which may hold anything: `path(&["subscriptions", id])` is `/subscriptions/…`.
pub fn path(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |path, part| format!("{path}/{}", utf8_percent_encode(part, PLAIN)))
}

/// The same with a query; parameters without a value are left out.
pub fn path_with(parts: &[&str], query: &[(&str, &str)]) -> String {
    let query = query_of(query.iter().copied());
    if query.is_empty() { path(parts) } else { format!("{}?{query}", path(parts)) }
}

/// `name=value&…` of those that have a value.
pub fn query_of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encoded = |text| utf8_percent_encode(text, PLAIN);
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_path_can_leave_it() {
        assert_eq!(path(&["events", "../a b/?c#d%"]), "/events/..%2Fa%20b%2F%3Fc%23d%25");
        assert_eq!(path_with(&["events"], &[("search", "a&b=c"), ("after", "")]), "/events?search=a%26b%3Dc");
        assert_eq!(path_with(&["me"], &[]), "/me");
    }

    #[test]
    fn what_is_not_understood_is_not_repeated() {
        let answer = Answer {
            status: StatusCode::OK,
            etag: None,
            body: Bytes::from_static(br#"{"signingKey":"whsec_s3cret"}"#),
        };
        let refused = answer.read::<std::collections::HashMap<String, u8>>().unwrap_err();
        assert!(
            !refused.to_string().contains("s3cret") && refused.to_string().contains("column"),
            "{refused}"
        );
    }
}
