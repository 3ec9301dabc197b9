//! One assigned partition: sessions, one after the other, until it is revoked.

use crate::begin::Begin;
use crate::parts::Parts;
use crate::session::{Ended, Session};
use aerogram_domain::deliverer::Resume;
use aerogram_kafka::{Assignment, Readiness, Stopping, TaskEnd, fail};
use std::sync::Arc;
use std::time::Duration;

const PROVE_AGAIN: Duration = Duration::from_millis(500);

/// Owns the partition until it is revoked or can't go on.
pub async fn own(parts: Arc<Parts>, mut assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    let readiness = Readiness::new(parts.health.condition(&format!("deliveries partition {partition}")));
    let committed = assignment.committed.as_ref().map(|c| (c.offset, c.metadata.clone())).unwrap_or_default();
    let mut last_commit = committed;
    let mut begin = Begin::WithTheCommit;
    loop {
        let resume = match Resume::parse(last_commit.0, &last_commit.1) {
            Ok(resume) => resume,
            Err(error) => return fail(&mut assignment, readiness, Box::new(error)).await,
        };
        if last_commit.1.is_empty() && begin == Begin::WithTheCommit {
            begin = Begin::WithWhatIsLeft;
        }
        readiness.set(false, "folding attempts and subscriptions");
        let ended = match Session::open(&parts, &mut assignment, resume, begin, &readiness).await {
            Ok(session) => session.run(&mut last_commit).await,
            Err(error) => Ended::Failed(error),
        };
        match ended {
            Ended::Stopped => return TaskEnd::Stopped,
            Ended::Failed(failure) => return fail(&mut assignment, readiness, failure).await,
            Ended::Again(with) => {
                readiness.set(false, "proving the ownership");
                if !prove(&mut assignment, &last_commit).await {
                    return TaskEnd::Stopped;
                }
                if let Err(error) = assignment.reader.seek(last_commit.0).await {
                    return fail(&mut assignment, readiness, Box::new(error)).await;
                }
                begin = with;
            }
        }
    }
}

/// Only the group's present member can commit; who can't is told to stop by the group, so until then it is tried again.
async fn prove(assignment: &mut Assignment, last_commit: &(i64, String)) -> bool {
    while assignment.stop.now() == Stopping::No {
        match assignment.committer.commit(last_commit.0, &last_commit.1).await {
            Ok(()) => return true,
            Err(error) => {
                tracing::warn!(partition = assignment.partition, %error, "the ownership can't be shown by a commit yet");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PROVE_AGAIN) => {}
            _ = assignment.stop.changed() => {}
        }
    }
    false
}
