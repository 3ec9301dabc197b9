//! The calls of the api, as an administrator for a pair.

use bytes::Bytes;
use http::Method;
use http::header::ETAG;

use super::declared::Pair;
use super::existing::Existing;
use crate::http::{Answer, Call, Http};
use crate::reach::BASE;

const JSON: &str = "application/json";

/// The api, for any pair.
pub struct Client {
    http: Http,
}

impl Client {
    pub const fn new(http: Http) -> Self {
        Self { http }
    }

    /// All of a pair's subscriptions.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn list(&self, pair: &Pair) -> anyhow::Result<Answer> {
        self.call(pair, Method::GET, "", &[], None).await
    }

    /// One as it is now, with its `ETag`; `None`: there is no such.
    ///
    /// # Errors
    /// No answer, or one that says why not.
    pub async fn get(&self, pair: &Pair, id: &str) -> anyhow::Result<Option<(Existing, String)>> {
        let answer = self.call(pair, Method::GET, &format!("/{id}"), &[], None).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let tag = etag(&answer);
        Ok(Some((answer.json()?, tag)))
    }

    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn create(&self, pair: &Pair, key: &str, body: String) -> anyhow::Result<Answer> {
        self.call(pair, Method::POST, "", &[("Idempotency-Key", key)], Some(body)).await
    }

    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn patch(&self, pair: &Pair, id: &str, tag: &str, body: String) -> anyhow::Result<Answer> {
        self.call(pair, Method::PATCH, &format!("/{id}"), &[("If-Match", tag)], Some(body)).await
    }

    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn delete(&self, pair: &Pair, id: &str) -> anyhow::Result<Answer> {
        self.call(pair, Method::DELETE, &format!("/{id}"), &[], None).await
    }

    /// Replaces the signing key; asked once only, for what is replaced twice is out.
    ///
    /// # Errors
    /// No answer. Any status is an answer.
    pub async fn replace_key(&self, pair: &Pair, id: &str, tag: &str, key: &str) -> anyhow::Result<Answer> {
        let path = format!("{BASE}/subscriptions/{id}/signing-keys");
        let body = serde_json::json!({ "signingKey": key }).to_string();
        let headers =
            [("X-Api-Client-Id", pair.partner.as_str()), ("X-Operator", &pair.operator), ("If-Match", tag)];
        let body = Some((JSON, Bytes::from(body)));
        self.http
            .once(&Call { method: Method::POST, path: &path, headers: &headers, body, ..Call::default() })
            .await
    }

    async fn call(
        &self,
        pair: &Pair,
        method: Method,
        rest: &str,
        more: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        let path = format!("{BASE}/subscriptions{rest}");
        let mut headers = vec![("X-Api-Client-Id", pair.partner.as_str()), ("X-Operator", &pair.operator)];
        headers.extend(more);
        let body = body.map(|body| (JSON, Bytes::from(body)));
        self.http.patiently(&Call { method, path: &path, headers: &headers, body, ..Call::default() }).await
    }
}

/// The version of what was answered; of none, what matches any.
pub fn etag(answer: &Answer) -> String {
    let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    tag.unwrap_or("*").to_owned()
}
