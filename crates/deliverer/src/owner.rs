//! One assigned partition: sessions, one after the other, until it is revoked.

use crate::pipeline::Parts;
use crate::session::{Ended, Failure, Session, Unreadable};
use aerogram_domain::deliverer::{Resume, Why};
use aerogram_kafka::{Assignment, From, ReadError, Stopping, TaskEnd};
use aerogram_telemetry::Condition;
use std::error::Error;
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
            Err(error) => return hold(&assignment, &condition, &error).await,
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
            Ended::Failed(error) if is_of_this_partition(&error) => {
                return hold(&assignment, &condition, error.as_ref()).await;
            }
            Ended::Failed(error) => {
                condition.set(false, format!("stopped: {error}"));
                return TaskEnd::Failed(error);
            }
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

/// Where the fold of `attempts` begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// Where the last commit says.
    WithTheCommit,
    /// At what is remembered since this time; broker clocks may differ.
    Since { ms: i64 },
    /// At the beginning of what retention has left.
    WithWhatIsLeft,
}

/// How far the clocks of brokers may differ.
const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

impl Begin {
    pub fn because(why: Why) -> Self {
        match why {
            Why::OlderThanMemory { event_appended_at_ms: ms } => Begin::Since { ms },
            Why::ForeignClaim | Why::TableBehind => Begin::WithTheCommit,
        }
    }

    /// From where to read, and what the decisions are to know of it.
    pub fn apply(self, resume: Resume) -> (From, Resume) {
        // The first record read tells the offset.
        let elsewhere =
            Resume { fold_from: i64::MAX, epoch_there: None, covers_from_ms: None, ..resume.clone() };
        match self {
            Begin::WithTheCommit => (From::Offset(resume.fold_from), resume),
            Begin::Since { ms } => {
                (From::Time(ms - CLOCKS_DIFFER_MAX_MS), Resume { covers_from_ms: Some(ms), ..elsewhere })
            }
            Begin::WithWhatIsLeft if resume.fold_from == 0 => (From::Beginning, resume),
            // What retention removed is older than anything that can come again.
            Begin::WithWhatIsLeft => {
                (From::Beginning, Resume { covers_from_ms: Some(i64::MIN), ..elsewhere })
            }
        }
    }
}

/// A restart would meet the same record again: only this partition stands still, and says so.
fn is_of_this_partition(failure: &Failure) -> bool {
    failure.is::<Unreadable>() || matches!(failure.downcast_ref(), Some(ReadError::OffsetOutOfRange { .. }))
}

/// Keeps the partition without touching it until the group takes it away.
async fn hold(assignment: &Assignment, condition: &Condition, error: &(dyn Error + Send + Sync)) -> TaskEnd {
    tracing::error!(partition = assignment.partition, %error, "the partition stands still");
    condition.set(false, format!("stands still: {error}"));
    let mut stop = assignment.stop.clone();
    while stop.now() == Stopping::No {
        stop.changed().await;
    }
    TaskEnd::Stopped
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
