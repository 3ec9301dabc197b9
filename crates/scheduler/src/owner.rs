//! One assigned partition, until it is revoked or another's.

use crate::pipeline::Parts;
use crate::session::{Session, Unreadable};
use aerogram_kafka::{Assignment, ReadError, Stopping, TaskEnd};
use std::sync::Arc;

/// Owns the partition until it is revoked or can't go on.
pub async fn own(parts: Arc<Parts>, mut assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    let condition = parts.health.condition(&format!("pending partition {partition}"));
    condition.set(false, "folding pending into the store");
    match Session::new(&parts, &mut assignment, &condition).run().await {
        Ok(()) => {
            condition.set(true, "given back");
            TaskEnd::Stopped
        }
        // A restart would meet the same record again: only this partition stands still, and says so.
        Err(failure)
            if failure.is::<Unreadable>()
                || matches!(failure.downcast_ref(), Some(ReadError::OffsetOutOfRange { .. })) =>
        {
            tracing::error!(partition, error = %failure, "the partition stands still");
            condition.set(false, format!("stands still: {failure}"));
            while assignment.stop.now() == Stopping::No {
                assignment.stop.changed().await;
            }
            TaskEnd::Stopped
        }
        Err(failure) => {
            condition.set(false, format!("stopped: {failure}"));
            TaskEnd::Failed(failure)
        }
    }
}
