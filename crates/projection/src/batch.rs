//! What a stretch of a partition changes.

use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Resolution;

use crate::escalations::Row;

/// Applied and remembered in one transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    pub topic: Topic,
    pub partition: i32,
    /// The log holds nothing before this offset (any more), so rows that stand there go; 0: nothing is known about it.
    pub begins_at: i64,
    /// Everything before this offset is in the projection then.
    pub next_offset: i64,
    /// In the order of the log.
    pub changes: Vec<Change>,
}

/// What one record changes.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Given up, for people. A repetition changes nothing.
    Escalated(Box<Row>),
    /// What people made of it; of what is not there, nothing.
    Resolved { key: RunKey, resolution: Resolution },
}

impl Batch {
    /// Without changes.
    pub fn new(topic: Topic, partition: i32, next_offset: i64) -> Self {
        Self { topic, partition, begins_at: 0, next_offset, changes: Vec::new() }
    }
}
