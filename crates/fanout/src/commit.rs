//! Commits of one partition: at most one on its way, each with the metadata that lets the next owner go on.

use aerogram_kafka::{CommitError, Committer};
use futures::future::BoxFuture;

/// What a commit says: offset and metadata.
type Said = (i64, String);

pub struct Commits {
    committer: Committer,
    committed: Option<Said>,
    outstanding: Option<(Said, BoxFuture<'static, Result<(), CommitError>>)>,
}

impl Commits {
    pub const fn new(committer: Committer) -> Self {
        Self { committer, committed: None, outstanding: None }
    }

    /// Commits, unless the same is committed or a commit is on its way.
    pub fn begin(&mut self, offset: i64, metadata: String) {
        let said = (offset, metadata);
        if self.outstanding.is_none() && self.committed.as_ref() != Some(&said) {
            let answer = self.committer.commit(offset, &said.1);
            self.outstanding = Some((said, Box::pin(answer)));
        }
    }

    pub const fn is_outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// The answer to the commit that is on its way; at once, when there is none. Cancel-safe.
    pub async fn answered(&mut self) -> Result<(), CommitError> {
        let Some((_, answer)) = &mut self.outstanding else { return Ok(()) };
        let answer = answer.await;
        if let (Some((said, _)), Ok(())) = (self.outstanding.take(), &answer) {
            self.committed = Some(said);
        }
        answer
    }
}
