//! One assigned partition, until it is revoked or another's.

use crate::parts::Parts;
use crate::session::Session;
use aerogram_kafka::{Assignment, Readiness, TaskEnd, fail};
use std::sync::Arc;

/// Owns the partition until it is revoked or can't go on.
pub async fn own(parts: Arc<Parts>, mut assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    let readiness = Readiness::new(parts.health.condition(&format!("pending partition {partition}")));
    readiness.set(false, "folding pending into the store");
    match Session::new(&parts, &mut assignment, &readiness).run().await {
        Ok(()) => TaskEnd::Stopped,
        Err(failure) => fail(&mut assignment, readiness, failure).await,
    }
}
