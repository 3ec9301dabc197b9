//! What stops one partition and no other.

use crate::group::{Assignment, TaskEnd};
use crate::reader::ReadError;
use crate::writer::WriteError;
use aerogram_telemetry::Condition;
use std::error::Error;
use std::ops::Deref;

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

/// The readiness of one owned partition. However its task ends, also when it is cut off, the partition is no longer this
/// process's concern, and the condition says so.
pub struct Readiness {
    condition: Condition,
    stays: bool,
}

impl Readiness {
    pub fn new(condition: Condition) -> Self {
        Self { condition, stays: false }
    }
}

impl Deref for Readiness {
    type Target = Condition;

    fn deref(&self) -> &Condition {
        &self.condition
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        if !self.stays {
            self.condition.set(true, "given back");
        }
    }
}

/// Ends a task that failed. What lies in the partition itself a restart would meet again, here or at the next member: then
/// only this partition stands still, and says so, until the group takes it away.
pub async fn fail(assignment: &mut Assignment, mut readiness: Readiness, failure: Failure) -> TaskEnd {
    if !lies_in_the_partition(&failure) {
        readiness.set(false, format!("stopped: {failure}"));
        // The process ends of it, and must not look ready until it has.
        readiness.stays = true;
        return TaskEnd::Failed(failure);
    }
    tracing::error!(topic = assignment.topic, partition = assignment.partition, error = %failure, "the partition stands still");
    readiness.set(false, format!("stands still: {failure}"));
    assignment.stop.asked().await;
    TaskEnd::Stopped
}

fn lies_in_the_partition(failure: &Failure) -> bool {
    failure.is::<Unreadable>()
        || matches!(failure.downcast_ref(), Some(ReadError::OffsetOutOfRange { .. }))
        || matches!(failure.downcast_ref(), Some(WriteError::Permanent { by_the_record: true, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_telemetry::Health;

    fn refused(by_the_record: bool) -> Failure {
        let (topic, reason) = ("t".to_owned(), "r".to_owned());
        Box::new(WriteError::Permanent { topic, partition: 0, reason, by_the_record })
    }

    #[test]
    fn only_what_a_restart_would_meet_again_lies_in_the_partition() {
        assert!(lies_in_the_partition(&refused(true)));
        assert!(!lies_in_the_partition(&refused(false)), "another producer may write it");
        let (topic, reason) = ("t".to_owned(), "r".to_owned());
        let gone = ReadError::OffsetOutOfRange { topic: topic.clone(), partition: 0, offset: 3 };
        assert!(lies_in_the_partition(&(Box::new(gone) as Failure)));
        assert!(!lies_in_the_partition(
            &(Box::new(ReadError::Client { topic, partition: 0, reason }) as Failure)
        ));
    }

    #[test]
    fn a_task_that_is_cut_off_leaves_nothing_that_does_not_hold() {
        let health = Health::new();
        let readiness = Readiness::new(health.condition("p"));
        readiness.set(false, "folding");
        assert!(!health.is_ready());
        // As when the future of the task is dropped.
        drop(readiness);
        assert!(health.is_ready());
    }
}
