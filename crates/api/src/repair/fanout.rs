//! How far fanout is, as its group has committed it.

use std::time::Duration;

use aerogram_kafka::{Cluster, GroupProgress};
use aerogram_wire::Topic;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::history::NotRead;

/// Asks with a client of its own, which is made when it is first needed.
pub struct FanoutProgress {
    cluster: Cluster,
    group: String,
    client: OnceCell<GroupProgress>,
    patience: Duration,
}

impl FanoutProgress {
    /// `group`: fanout's. What is asked may take as long as `patience`.
    pub fn new(cluster: Cluster, group: String, patience: Duration) -> Self {
        Self { cluster, group, client: OnceCell::new(), patience }
    }

    /// The offset before which it has dealt with everything, of each partition of `events`.
    ///
    /// # Errors
    /// When Kafka can't say, or not in time.
    pub async fn done(&self) -> Result<Vec<i64>, NotRead> {
        let client = self
            .client
            .get_or_try_init(async || self.cluster.progress_of(&self.group, Topic::Events))
            .await?;
        Ok(timeout(self.patience, client.committed()).await??)
    }
}
