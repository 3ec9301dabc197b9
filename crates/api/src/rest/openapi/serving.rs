//! How the document and its page are served.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The page takes tokens: nothing of it may come from elsewhere, and nobody may show it within a page of theirs.
const ONLY_FROM_HERE: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The document, made once.
#[derive(Clone)]
pub struct Served {
    json: Bytes,
    tag: HeaderValue,
}

impl Served {
    pub fn of(json: Vec<u8>) -> Self {
        let tag = Sha256::digest(&json).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        let tag =
            HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
        Self { json: json.into(), tag }
    }

    pub fn to(&self, headers: &HeaderMap) -> Response {
        let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| *tag == self.tag);
        let kept = [(CACHE_CONTROL, HeaderValue::from_static("no-cache")), (ETAG, self.tag.clone())];
        match known {
            true => (StatusCode::NOT_MODIFIED, kept).into_response(),
            false => {
                let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
                (kept, json, self.json.clone()).into_response()
            }
        }
    }
}

/// Has browsers hold to it.
pub async fn only_from_here(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ONLY_FROM_HERE));
    response
}
