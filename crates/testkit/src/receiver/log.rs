//! What a receiver saw, in order of arrival: the oracle of the tests.

use super::Reply;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// A request that arrived.
#[derive(Debug)]
pub struct Request {
    /// When its head had been read.
    pub arrived: Instant,
    /// The same by the wall clock, in milliseconds since the Unix epoch.
    pub arrived_unix_ms: u64,
    pub method: Method,
    pub path: String,
    /// Only `webhook-id` with a lean receiver.
    pub headers: HeaderMap,
    /// Empty with a lean receiver.
    pub body: Bytes,
    pub body_bytes: usize,
    /// False when the client broke off before its body ended.
    pub complete: bool,
    /// 1 for the first request with this `webhook-id` on this path.
    pub nth: u32,
    /// What it was answered.
    pub reply: Reply,
    pub(super) ended: OnceLock<Instant>,
}

impl Request {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `webhook-id`, the same for all attempts of a delivery.
    pub fn webhook_id(&self) -> Option<&str> {
        self.header("webhook-id")
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The body is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("the body of a request to {} is not JSON: {:?}", self.path, self.body))
    }

    /// When the answer was handed over or the client gave up; none while it is in flight.
    pub fn ended(&self) -> Option<Instant> {
        self.ended.get().copied()
    }
}

#[derive(Default)]
struct Counts {
    requests: usize,
    by_webhook_id: HashMap<String, u32>,
}

#[derive(Default)]
struct Inner {
    requests: Vec<Arc<Request>>,
    paths: HashMap<String, Counts>,
}

/// Appended to under one short lock; nothing waits and no caller's code that could ask back runs inside it.
#[derive(Default)]
pub(super) struct Log {
    inner: Mutex<Inner>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and says the how manieth it is of its webhook id on its path.
    pub(super) fn count(&self, path: &str, webhook_id: Option<&str>) -> u32 {
        let mut inner = self.lock();
        if !inner.paths.contains_key(path) {
            inner.paths.insert(path.to_owned(), Counts::default());
        }
        let Some((counts, id)) = inner.paths.get_mut(path).zip(webhook_id) else { return 1 };
        match counts.by_webhook_id.get_mut(id) {
            Some(nth) => {
                *nth += 1;
                *nth
            }
            None => {
                counts.by_webhook_id.insert(id.to_owned(), 1);
                1
            }
        }
    }

    pub(super) fn push(&self, request: Arc<Request>) {
        let mut inner = self.lock();
        if let Some(counts) = inner.paths.get_mut(&request.path) {
            counts.requests += 1;
        }
        inner.requests.push(request);
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&[Arc<Request>]) -> T) -> T {
        look(&self.lock().requests)
    }

    pub(super) fn take(&self) -> Vec<Arc<Request>> {
        std::mem::take(&mut self.lock().requests)
    }

    pub(super) fn count_on(&self, path: &str) -> usize {
        self.lock().paths.get(path).map_or(0, |counts| counts.requests)
    }

    pub(super) fn clear(&self) {
        *self.lock() = Inner::default();
    }
}
