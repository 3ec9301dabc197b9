//! What a stretch of a partition changes.

use aerogram_domain::history::Claims;
use aerogram_wire::Topic;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Line, Resolution};

use crate::deliveries::Issued;
use crate::escalations::Row;
use crate::events::{RejectedName, Unmatched};

/// Applied and remembered in one transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    pub topic: Topic,
    pub partition: i32,
    /// The log holds nothing before this offset (any more), so escalations that stand there go; 0: nothing is known about it;
    /// `i64::MAX`: what was read is of a log that was here before, so events without deliveries go, too.
    pub begins_at: i64,
    /// Everything before this offset is in the projection then.
    pub next_offset: i64,
    /// Of `attempts`: the epoch in force there, which [`crate::Projection::claims`] gives back.
    pub claims: Claims,
    /// What was issued before may be missing, in milliseconds since 1970, because the log did not go on where it was read; 0:
    /// nothing is.
    pub untold_until_ms: i64,
    /// Of topics of history: the generation that it was read for, see [`crate::ReadSoFar`].
    pub generation: u64,
    /// In the order of the log.
    pub changes: Vec<Change>,
}

/// What one record changes. A repetition changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Given up, for people.
    Escalated(Box<Row>),
    /// What people made of it; of what is not there, nothing.
    Resolved { key: RunKey, resolution: Resolution },
    /// A record of `deliveries`, or an entry of `pending`.
    Issued(Box<Issued>),
    /// A line of `attempts` whose claim is in force, and when it was appended, in milliseconds since 1970.
    Line { key: RunKey, line: Box<Line>, appended_at_ms: i64 },
    /// A tombstone of `pending`.
    LeftPending { key: PendingKey, appended_at_ms: i64 },
    /// Of a receipt: an event that no delivery tells of.
    Unmatched(Box<Unmatched>),
    /// A record of `rejected` whose event has an id.
    Rejected(Box<RejectedName>),
    /// What stands at this offset of `rejected` was accepted after all.
    RejectedSettled { offset: i64 },
}

impl Batch {
    /// Without changes.
    pub fn new(topic: Topic, partition: i32, next_offset: i64) -> Self {
        let claims = Claims::default();
        let (begins_at, untold_until_ms, generation) = (0, 0, 0);
        let changes = Vec::new();
        Self { topic, partition, begins_at, next_offset, claims, untold_until_ms, generation, changes }
    }
}
