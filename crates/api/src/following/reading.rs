//! What the records of each topic change in the projection.

use aerogram_domain::history::Claims;
use aerogram_kafka::Record;
use aerogram_projection::Change;

use crate::records::{self, BadRecord, Told};

/// A topic that is followed, and what is remembered of what was read of one partition of it.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    Escalations,
    Deliveries,
    /// With the epoch in force where the reading is.
    Attempts(Claims),
    Pending,
    Matches,
    Rejected,
}

impl Reading {
    /// Adds what the next record changes.
    ///
    /// # Errors
    /// It can't be understood; then nothing is added.
    pub fn take(
        &mut self,
        partition: i32,
        record: &Record,
        changes: &mut Vec<Change>,
    ) -> Result<(), BadRecord> {
        match self {
            Self::Escalations => changes.push(match records::escalation(partition, record)? {
                Told::GivenUp(row) => Change::Escalated(row),
                Told::Resolved { key, resolution } => Change::Resolved { key, resolution },
            }),
            Self::Deliveries => changes.push(records::delivery(partition, record)?),
            Self::Attempts(claims) => records::attempts(partition, record, claims, changes)?,
            Self::Pending => changes.push(records::pending(partition, record)?),
            Self::Matches => records::matches(partition, record, changes)?,
            Self::Rejected => {
                let rejected = records::rejected(partition, record)?;
                changes.extend(records::rejection(record.offset, &rejected));
            }
        }
        Ok(())
    }

    /// To be kept with the position.
    pub fn claims(&self) -> Claims {
        match self {
            Self::Attempts(claims) => *claims,
            _ => Claims::default(),
        }
    }

    /// Goes on where this was kept.
    pub fn begin(&mut self, kept: Claims) {
        if let Self::Attempts(claims) = self {
            *claims = kept;
        }
    }
}
