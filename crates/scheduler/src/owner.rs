//! One assigned partition, until it is revoked or another's.

use crate::pipeline::Parts;
use crate::session::Session;
use aerogram_kafka::{Assignment, TaskEnd};
use std::sync::Arc;

/// Owns the partition until it is revoked or can't go on.
pub async fn own(parts: Arc<Parts>, assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    let condition = parts.health.condition(&format!("pending partition {partition}"));
    condition.set(false, "folding pending into the store");
    match Session::new(&parts, assignment, &condition).run().await {
        Ok(()) => {
            condition.set(true, "given back");
            TaskEnd::Stopped
        }
        Err(failure) => {
            condition.set(false, format!("stopped: {failure}"));
            TaskEnd::Failed(failure)
        }
    }
}
