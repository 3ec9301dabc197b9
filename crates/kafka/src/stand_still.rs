//! What stops one partition and no other.

use crate::group::{Assignment, Stopping, TaskEnd};
use crate::reader::ReadError;
use aerogram_telemetry::Condition;
use std::error::Error;

/// Why a partition's task can't go on.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A record that this version can't make sense of. Skipping it could lose a delivery.
#[derive(Debug, thiserror::Error)]
#[error(
    "{topic} partition {partition} offset {offset} cannot be understood: {problem}; nothing is skipped, so the partition \
     stands still: run the version that wrote it, or ask for help with the record"
)]
pub struct Unreadable {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub problem: String,
}

/// Ends a task that failed. What lies in the partition itself a restart would meet again, here or at the next member: then
/// only this partition stands still, and says so, until the group takes it away.
pub async fn fail(assignment: &mut Assignment, condition: &Condition, failure: Failure) -> TaskEnd {
    let lies_in_the_partition = failure.is::<Unreadable>()
        || matches!(failure.downcast_ref(), Some(ReadError::OffsetOutOfRange { .. }));
    if !lies_in_the_partition {
        condition.set(false, format!("stopped: {failure}"));
        return TaskEnd::Failed(failure);
    }
    tracing::error!(topic = assignment.topic, partition = assignment.partition, error = %failure, "the partition stands still");
    condition.set(false, format!("stands still: {failure}"));
    while assignment.stop.now() == Stopping::No {
        assignment.stop.changed().await;
    }
    TaskEnd::Stopped
}
