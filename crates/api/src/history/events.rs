//! Reading accepted events back from where they stand in `events`.

use std::time::Duration;

use aerogram_kafka::Cluster;
use aerogram_wire::Topic;
use aerogram_wire::v1::{Envelope, Position};

use super::read_back::{NotRead, ReadBack};
use crate::records;

/// Reads single events. Whoever reads many of them needs a client of its own (`Cluster::companions`).
pub struct Events(ReadBack);

impl Events {
    /// Each read may take as long as `patience`.
    pub fn new(cluster: Cluster, patience: Duration) -> Self {
        Self(ReadBack::new(cluster, Topic::Events, patience))
    }

    /// The event that stands there, as it was accepted.
    ///
    /// # Errors
    /// It is gone, or can't be read, or not in time, or too many others of its partition are being read.
    pub async fn read(&self, position: impl Into<Position>) -> Result<Envelope, NotRead> {
        let position = position.into();
        let record = self.0.record(position.partition, position.offset).await?;
        Ok(records::envelope(position.partition, &record)?)
    }
}
