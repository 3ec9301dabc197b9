//! Commits of one partition in turn: at most one on its way, and none that says what was said before.

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::{CommitError, Committed, Committer};

/// Makes the commits of one partition. A failed one is logged, and made good by the next.
pub struct CommitsInTurn {
    committer: Committer,
    topic: String,
    partition: i32,
    committed: Option<Committed>,
    outstanding: Option<(Committed, BoxFuture<'static, Result<(), CommitError>>)>,
}

impl CommitsInTurn {
    /// `committed` is what the last owner said, if it need not be said again.
    pub fn new(committer: Committer, topic: &str, partition: i32, committed: Option<Committed>) -> Self {
        Self { committer, topic: topic.to_owned(), partition, committed, outstanding: None }
    }

    /// Commits, unless the same is committed or a commit is on its way.
    pub fn begin(&mut self, offset: i64, metadata: String) {
        let said = Committed { offset, metadata };
        if self.outstanding.is_none() && self.committed.as_ref() != Some(&said) {
            let answer = self.committer.commit(offset, &said.metadata);
            self.outstanding = Some((said, Box::pin(answer)));
        }
    }

    /// Whether a commit is on its way.
    pub const fn is_outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// Waits for the answer to the commit that is on its way; returns at once when there is none. Cancel-safe.
    pub async fn answered(&mut self) {
        let Some((_, answer)) = &mut self.outstanding else { return };
        let answer = answer.await;
        match (self.outstanding.take(), answer) {
            (Some((said, _)), Ok(())) => self.committed = Some(said),
            (_, Err(error)) => {
                let (topic, partition) = (&self.topic, self.partition);
                tracing::warn!(topic, partition, "the commit failed and is repeated: {error}");
            }
            (None, Ok(())) => {}
        }
    }

    /// The last commit of an owner that leaves. One that is still on its way comes first, for it must not land later.
    pub async fn last(&mut self, offset: i64, metadata: String, deadline: Instant) {
        let last = async {
            self.answered().await;
            self.begin(offset, metadata);
            self.answered().await;
        };
        if timeout_at(deadline, last).await.is_err() {
            let (topic, partition) = (&self.topic, self.partition);
            tracing::warn!(
                topic,
                partition,
                "the last commit was not answered in time; the next owner does some work again"
            );
        }
    }
}
