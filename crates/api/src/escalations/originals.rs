//! Reading records of `escalations` back from where they stand.

use std::time::Duration;

use aerogram_kafka::Cluster;
use aerogram_projection::Row;
use aerogram_wire::Topic;
use aerogram_wire::v1::{Delivery, Escalation};

use crate::history::{NotRead, ReadBack};
use crate::records;

/// Reads escalations in full.
pub struct Originals(ReadBack);

impl Originals {
    pub fn new(cluster: Cluster, patience: Duration) -> Self {
        Self(ReadBack::new(cluster, Topic::Escalations, patience))
    }

    /// The record that the row was made of.
    ///
    /// # Errors
    /// It is gone, or can't be read, or not in time, or too many others of its partition are being read.
    pub async fn of(&self, row: &Row) -> Result<Escalation, NotRead> {
        let record = self.0.record(row.partition, row.offset).await?;
        Ok(records::original(row.partition, &record)?)
    }

    /// What was given up.
    ///
    /// # Errors
    /// As [`Originals::of`].
    pub async fn delivery(&self, row: &Row) -> Result<Delivery, NotRead> {
        // Without one there would be no row.
        self.of(row).await?.delivery.ok_or(NotRead::Gone)
    }
}
