//! An HTTPS receiver on 127.0.0.1 that does as it is told and writes down what it sees.

mod behaviour;
mod body;
mod log;
mod serve;
#[cfg(test)]
mod tests;

pub use behaviour::{Arrival, Behaviour, Reply};
pub use log::Request;

use crate::ca::{Ca, LOCAL_NAMES};
use anyhow::{Result, bail};
use log::Log;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const LOOK_EVERY: Duration = Duration::from_millis(10);

struct Behaviours {
    by_path: HashMap<String, Behaviour>,
    otherwise: Behaviour,
}

struct Shared {
    log: Log,
    behaviours: RwLock<Behaviours>,
    lean: bool,
    connections: AtomicU64,
    failed_handshakes: AtomicU64,
}

/// A running receiver; it stops, with all its connections, when it is dropped. Every path answers 200 until told otherwise.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// Starts one on a port of its own, with a certificate for localhost and 127.0.0.1.
    ///
    /// # Errors
    /// No port or no certificate.
    pub async fn start(ca: &Ca) -> Result<Self> {
        Self::start_with(ca.server_config(&LOCAL_NAMES)?, false).await
    }

    /// Like [`Receiver::start`], but keeps neither bodies nor headers other than `webhook-id`: for measuring.
    ///
    /// # Errors
    /// No port or no certificate.
    pub async fn start_lean(ca: &Ca) -> Result<Self> {
        Self::start_with(ca.server_config(&LOCAL_NAMES)?, true).await
    }

    /// Starts one with given TLS settings, for example with a certificate for another name.
    ///
    /// # Errors
    /// No port.
    pub async fn start_with(tls: ServerConfig, lean: bool) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            log: Log::default(),
            behaviours: RwLock::new(Behaviours { by_path: HashMap::new(), otherwise: Behaviour::ok() }),
            lean,
            connections: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(serve::accept(listener, tls, shared.clone()));
        Ok(Self { address, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path (`/hook`) by its address.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The URL of a path by the name localhost.
    pub fn localhost_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Sets how a path answers from now on.
    pub fn behave(&self, path: &str, behaviour: Behaviour) {
        let mut behaviours = self.shared.behaviours.write().unwrap_or_else(PoisonError::into_inner);
        behaviours.by_path.insert(path.to_owned(), behaviour);
    }

    /// Sets how all paths answer that were not told their own.
    pub fn behave_otherwise(&self, behaviour: Behaviour) {
        self.shared.behaviours.write().unwrap_or_else(PoisonError::into_inner).otherwise = behaviour;
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.shared.log.with(<[_]>::to_vec)
    }

    /// The requests to a path.
    pub fn requests_on(&self, path: &str) -> Vec<Arc<Request>> {
        self.filtered(|request| request.path == path)
    }

    /// The requests with a `webhook-id`, on all paths.
    pub fn requests_of(&self, webhook_id: &str) -> Vec<Arc<Request>> {
        self.filtered(|request| request.webhook_id() == Some(webhook_id))
    }

    /// The requests of a path grouped by `webhook-id`; those without one are left out.
    pub fn by_webhook_id(&self, path: &str) -> HashMap<String, Vec<Arc<Request>>> {
        let mut groups: HashMap<String, Vec<Arc<Request>>> = HashMap::new();
        for request in self.requests_on(path) {
            if let Some(id) = request.webhook_id().map(ToOwned::to_owned) {
                groups.entry(id).or_default().push(request);
            }
        }
        groups
    }

    /// How many requests came in all.
    pub fn count(&self) -> usize {
        self.shared.log.with(<[_]>::len)
    }

    /// How many requests came to a path.
    pub fn count_on(&self, path: &str) -> usize {
        self.shared.log.count_on(path)
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them ended in the TLS handshake.
    pub fn failed_handshakes(&self) -> u64 {
        self.shared.failed_handshakes.load(Ordering::Relaxed)
    }

    /// Hands over the requests since the last call and keeps them no longer, for a receiver that runs for hours. Which
    /// `webhook-id` was seen how often stays known; [`Receiver::requests`] and what builds on it see only what is left.
    pub fn take_requests(&self) -> Vec<Arc<Request>> {
        self.shared.log.take()
    }

    /// Forgets what came so far, and with it which `webhook-id` was seen how often.
    pub fn clear(&self) {
        self.shared.log.clear();
    }

    /// Waits until a path has had at least `count` requests.
    ///
    /// # Errors
    /// They did not come within `timeout`; the message says how many did.
    pub async fn wait_for_count(&self, path: &str, count: usize, timeout: Duration) -> Result<()> {
        let until = Instant::now() + timeout;
        loop {
            let seen = self.count_on(path);
            if seen >= count {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("{seen} of {count} requests arrived at {path} within {timeout:?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until `reached` holds for the requests so far; it is asked every 10 ms and must not call the receiver.
    ///
    /// # Errors
    /// It did not hold within `timeout`; the message repeats `what` and says how many requests came.
    pub async fn wait_for(
        &self,
        what: &str,
        timeout: Duration,
        reached: impl Fn(&[Arc<Request>]) -> bool,
    ) -> Result<()> {
        let until = Instant::now() + timeout;
        while !self.shared.log.with(&reached) {
            if Instant::now() >= until {
                bail!("{what}: not reached within {timeout:?}, {} requests so far", self.count());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until no request has come for `quiet`; for showing that nothing more comes.
    ///
    /// # Errors
    /// Requests kept coming until `timeout`.
    pub async fn wait_until_quiet(&self, quiet: Duration, timeout: Duration) -> Result<()> {
        let started = Instant::now();
        let (mut seen, mut since) = (self.count(), started);
        while since.elapsed() < quiet {
            if started.elapsed() >= timeout {
                bail!("requests still came after {timeout:?}, {seen} so far");
            }
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.count();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    fn filtered(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Arc<Request>> {
        self.shared.log.with(|all| all.iter().filter(|request| wanted(request)).cloned().collect())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
