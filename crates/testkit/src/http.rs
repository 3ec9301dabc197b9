//! A small plain-HTTP client for REST calls and health endpoints.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null when empty, and a string when it is not JSON, so that an assertion shows what came.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|_| Value::String(self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client with kept-open connections; clones share them.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    timeout: Duration,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpClient {
    /// A client that waits 20 s for an answer.
    pub fn new() -> Self {
        Self::with_timeout(Duration::from_secs(20))
    }

    /// A client that waits `timeout` for an answer.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), timeout }
    }

    /// Sends a request; a JSON body gets its content type unless `headers` name another.
    ///
    /// # Errors
    /// No answer within the timeout, or no connection. Any status is an answer.
    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method.clone()).uri(url);
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if body.is_some() && !typed {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Bytes::new, |json| Bytes::from(json.to_string()));
        let request = request.body(Full::new(body))?;
        let exchange = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, anyhow::Error>(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .with_context(|| format!("{method} {url}: no answer within {:?}", self.timeout))?
            .with_context(|| format!("{method} {url}"))
    }

    /// GET.
    ///
    /// # Errors
    /// As [`HttpClient::request`].
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.request(Method::GET, url, headers, None).await
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// As [`HttpClient::request`].
    pub async fn post(&self, url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer> {
        self.request(Method::POST, url, headers, Some(body)).await
    }

    /// PATCH with a JSON body.
    ///
    /// # Errors
    /// As [`HttpClient::request`].
    pub async fn patch(&self, url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer> {
        self.request(Method::PATCH, url, headers, Some(body)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`HttpClient::request`].
    pub async fn delete(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.request(Method::DELETE, url, headers, None).await
    }
}
