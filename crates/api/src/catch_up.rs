//! Reads wait until the table has reached the log's end, so that what one instance answered another knows at once.

use std::sync::Arc;

use aerogram_kafka::Ends;
use aerogram_wire::Topic;
use tokio::sync::{mpsc, oneshot};

use crate::fold::FoldHandle;

/// Reads waiting for the next look at the ends, at most.
const WAITING_MAX: usize = 1_024;

/// Ends in the order of the partitions.
type Known = Arc<[i64]>;

/// Why it is not known whether the table is up to date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CatchUpError {
    #[error("too many reads are waiting")]
    Busy,
    #[error("the log's end could not be asked for")]
    EndUnknown,
    #[error("the table did not reach the log's end in time")]
    TooLate,
    #[error("the table is no longer being kept")]
    Stopped,
    #[error("the table stands still; the readiness says why")]
    StandsStill,
}

/// Brings reads up to date.
pub struct CatchUp {
    asking: mpsc::Sender<oneshot::Sender<Known>>,
    folds: Vec<FoldHandle>,
}

impl CatchUp {
    /// With the folds of the topic in the order of the partitions, and what asks the broker on behalf of all reads.
    pub fn new(topic: Topic, ends: Ends, folds: Vec<FoldHandle>) -> (Self, Prober) {
        let (asking, asked) = mpsc::channel(WAITING_MAX);
        (Self { asking, folds }, Prober { topic, ends, asked })
    }

    /// Waits until everything that was in the topic when this was called is in the table. The caller limits the time.
    ///
    /// # Errors
    /// When that can't be found out.
    pub async fn all(&self) -> Result<(), CatchUpError> {
        Self::all_of([self]).await
    }

    /// The same for several topics; all are asked before the first is waited for.
    ///
    /// # Errors
    /// When that can't be found out.
    pub async fn all_of<'a>(topics: impl IntoIterator<Item = &'a Self>) -> Result<(), CatchUpError> {
        let mut asked = Vec::new();
        for topic in topics {
            asked.push((topic, topic.ask()?));
        }
        let mut reaching = Vec::with_capacity(asked.len());
        for (topic, told) in asked {
            let ends = told.await.map_err(|_| CatchUpError::EndUnknown)?;
            for (fold, end) in topic.folds.iter().zip(ends.iter()) {
                fold.want(*end);
            }
            reaching.push((topic, ends));
        }
        for (topic, ends) in reaching {
            topic.reached(&ends).await?;
        }
        Ok(())
    }

    /// Waits until these ends, in the order of the partitions, have been reached.
    ///
    /// # Errors
    /// When a fold has ended.
    pub async fn reached(&self, ends: &[i64]) -> Result<(), CatchUpError> {
        for (fold, end) in self.folds.iter().zip(ends.iter()) {
            fold.reach(*end).await.map_err(|_| CatchUpError::Stopped)?;
        }
        Ok(())
    }

    /// The same for one partition.
    ///
    /// # Errors
    /// When that can't be found out.
    pub async fn partition(&self, partition: i32) -> Result<(), CatchUpError> {
        let ends = self.ends().await?;
        let index = usize::try_from(partition).map_err(|_| CatchUpError::EndUnknown)?;
        match (self.folds.get(index), ends.get(index)) {
            (Some(fold), Some(end)) => fold.reach(*end).await.map_err(|_| CatchUpError::Stopped),
            _ => Err(CatchUpError::EndUnknown),
        }
    }

    /// The last offset of a partition that is in the table for certain; -1: none.
    pub fn read_up_to(&self, partition: i32) -> i64 {
        let fold = usize::try_from(partition).ok().and_then(|index| self.folds.get(index));
        fold.map_or(-1, |fold| *fold.reached().borrow() - 1)
    }

    /// Waits until `is_there` finds in the table what it looks for; it looks whenever the partition was read on.
    ///
    /// # Errors
    /// When the fold has ended.
    pub async fn until(&self, partition: i32, is_there: impl Fn() -> bool) -> Result<(), CatchUpError> {
        let index = usize::try_from(partition).map_err(|_| CatchUpError::EndUnknown)?;
        let mut reached = self.folds.get(index).ok_or(CatchUpError::EndUnknown)?.reached();
        reached.wait_for(|_| is_there()).await.map(drop).map_err(|_| CatchUpError::Stopped)
    }

    async fn ends(&self) -> Result<Known, CatchUpError> {
        self.ask()?.await.map_err(|_| CatchUpError::EndUnknown)
    }

    fn ask(&self) -> Result<oneshot::Receiver<Known>, CatchUpError> {
        let (tell, told) = oneshot::channel();
        self.asking.try_send(tell).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CatchUpError::Busy,
            mpsc::error::TrySendError::Closed(_) => CatchUpError::Stopped,
        })?;
        Ok(told)
    }
}

/// Asks for the ends: one question under way, and the next one serves all reads that came meanwhile.
pub struct Prober {
    topic: Topic,
    ends: Ends,
    asked: mpsc::Receiver<oneshot::Sender<Known>>,
}

impl Prober {
    /// Runs until nobody can ask any more.
    pub async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.asked.recv_many(&mut waiting, WAITING_MAX).await > 0 {
            match self.ends.all_last_stable(self.topic).await {
                Ok(ends) => {
                    let known: Known = ends.into();
                    for tell in waiting.drain(..) {
                        // Who gave up waiting is not told.
                        let _ = tell.send(Arc::clone(&known));
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        reads = waiting.len(),
                        topic = self.topic.name(),
                        "the end of a topic is unknown: {error}"
                    );
                    waiting.clear();
                }
            }
        }
    }
}
