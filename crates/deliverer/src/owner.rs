//! One assigned partition: sessions, one after the other, until it is revoked.

use crate::begin::Begin;
use crate::parts::Parts;
use crate::session::{Ended, Session};
use aerogram_domain::deliverer::Resume;
use aerogram_kafka::{Assignment, Stopping, TaskEnd, fail};
use std::sync::Arc;
use std::time::Duration;

const PROVE_AGAIN: Duration = Duration::from_millis(500);

/// Owns the partition until it is revoked or can't go on.
pub async fn own(parts: Arc<Parts>, mut assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    let condition = parts.health.condition(&format!("deliveries partition {partition}"));
    let committed = assignment.committed.as_ref().map(|c| (c.offset, c.metadata.clone())).unwrap_or_default();
    let mut last_commit = committed;
    let mut begin = Begin::WithTheCommit;
    loop {
        let resume = match Resume::parse(last_commit.0, &last_commit.1) {
            Ok(resume) => resume,
            Err(error) => return fail(&mut assignment, &condition, Box::new(error)).await,
        };
        if last_commit.1.is_empty() && begin == Begin::WithTheCommit {
            begin = Begin::WithWhatIsLeft;
        }
        condition.set(false, "folding attempts and subscriptions");
        let ended = match Session::open(&parts, &mut assignment, resume, begin, &condition).await {
            Ok(session) => session.run(&mut last_commit).await,
            Err(error) => Ended::Failed(error),
        };
        match ended {
            Ended::Stopped => {
                condition.set(true, "given back");
                return TaskEnd::Stopped;
            }
            Ended::Failed(failure) => return fail(&mut assignment, &condition, failure).await,
            Ended::Again(with) => {
                condition.set(false, "proving the ownership");
                if !prove(&mut assignment, &last_commit).await {
                    condition.set(true, "given back");
                    return TaskEnd::Stopped;
                }
                if let Err(error) = assignment.reader.seek(last_commit.0).await {
                    return TaskEnd::Failed(Box::new(error));
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
