//! What was set aside in `rejected`: looked at by people, and accepted after all when the rules were mended.
//!
//! Kafka is the only truth here too: a record is open until a later record of the topic marks it as settled. The topic is read
//! backward from its end in pieces, as far as somebody asks; what was learnt of marks on the way is kept.

mod entry;
mod ledger;
mod marks;
mod retry;
mod tail;

pub use entry::{Detail, Entry};
pub use ledger::{Page, Query, Trouble};
pub use retry::{NotRetried, Retried};

use crate::{options::HttpOptions, sources::Intake};
use aerogram_kafka::{Cluster, Writer};
use ledger::Ledger;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};

/// How long one request may read; what it learnt by then is kept for the next.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// The client that reads is closed when nobody asked for so long.
const IDLE: Duration = Duration::from_secs(30);

/// What is asked about `rejected`, by all requests of a process.
pub struct Rejections {
    cluster: Cluster,
    writer: Writer,
    intake: Arc<Intake>,
    acknowledge_within: Duration,
    ledger: Mutex<Ledger>,
    /// Offsets that are being retried at this moment.
    under_way: std::sync::Mutex<HashSet<i64>>,
}

impl Rejections {
    pub fn new(options: &HttpOptions, cluster: Cluster, writer: Writer) -> Arc<Self> {
        Arc::new(Self {
            ledger: Mutex::new(Ledger::new(cluster.clone())),
            cluster,
            writer,
            intake: Arc::clone(&options.intake),
            acknowledge_within: options.acknowledge_within,
            under_way: std::sync::Mutex::default(),
        })
    }

    /// A page of what was rejected, newest first. It may be short, or even empty, and still have a next one: how far one
    /// request reads is bounded.
    ///
    /// # Errors
    /// `rejected` cannot be read, or not in time.
    pub async fn list(&self, query: &Query) -> Result<Page, Trouble> {
        let deadline = Instant::now() + READ_WITHIN;
        timeout_at(deadline, self.ledger.lock()).await?.list(query, deadline).await
    }

    /// One of what was rejected, with its payload.
    ///
    /// # Errors
    /// There is none at this offset, or `rejected` cannot be read, or not in time.
    pub async fn show(&self, offset: i64) -> Result<Detail, Trouble> {
        let deadline = Instant::now() + READ_WITHIN;
        let found = timeout_at(deadline, self.ledger.lock()).await?.one(offset, deadline).await?;
        Ok(Detail::new(offset, &found.rejected, found.settled))
    }

    /// Closes what nobody uses; never returns.
    pub async fn tidy(&self) {
        loop {
            sleep(IDLE).await;
            if let Ok(mut ledger) = self.ledger.try_lock() {
                ledger.close_if_idle(IDLE);
            }
        }
    }
}
