//! Sending again: what one redelivery and a task have in common. What is sent is decided in the domain; here it is read, written
//! and waited for.

mod again;
mod escalated;
mod events;
mod fanout;
mod replayed;
mod waiting;
mod writing;

pub use again::Sent;
pub use events::{Bounds, EventReader};
pub use fanout::FanoutProgress;
pub use replayed::{NotReplayed, Replaying};
pub use waiting::{WAITING_MAX, WAITING_OF_ONE_MAX, Waiting};
pub use writing::Writing;

use std::sync::Arc;

use aerogram_projection::ProjectionError;
use tokio::time::timeout;

use crate::catch_up::{CatchUp, CatchUpError};
use crate::escalations::NotWritten;
use crate::history::NotRead;
use crate::rest::Api;
use crate::tasks::Tasks;

/// What the calls about redeliveries, replays, test events and tasks need.
pub struct Repair {
    pub tasks: Arc<Tasks>,
    pub caught_up: CatchUp,
    pub events: EventReader,
    pub writing: Writing,
    pub waiting: Waiting,
    /// How far fanout is with `events`.
    pub fanout: FanoutProgress,
}

impl Repair {
    /// The offset before which fanout has dealt with everything, of each partition of `events`. What it made of that is in a
    /// history that is brought up to date afterwards.
    ///
    /// # Errors
    /// When Kafka can't say, or not in time.
    pub(crate) async fn fanout_done(&self) -> Result<Vec<i64>, NotNow> {
        Ok(self.fanout.done().await?)
    }
}

/// Why something is not sent at this moment. It may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    #[error(transparent)]
    Behind(#[from] CatchUpError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Events(#[from] NotRead),
    #[error(transparent)]
    Writing(#[from] NotWritten),
}

impl Api {
    /// Waits until history tells everything that is in the log.
    pub async fn history_is_up_to_date(&self) -> Result<(), CatchUpError> {
        self.within(self.history.rows.all()).await
    }

    /// The same for events of which no delivery tells.
    pub async fn names_are_up_to_date(&self) -> Result<(), CatchUpError> {
        self.within(self.history.names.all()).await
    }

    /// The same for the escalations.
    pub async fn escalations_are_up_to_date(&self) -> Result<(), CatchUpError> {
        self.within(self.escalations.catch_up.all()).await
    }

    /// The same for the subscriptions.
    pub async fn subscriptions_are_up_to_date(&self) -> Result<(), CatchUpError> {
        self.within(self.catch_up.all()).await
    }

    /// The same for the tasks.
    pub async fn tasks_are_up_to_date(&self) -> Result<(), CatchUpError> {
        self.within(self.repair.caught_up.all()).await
    }

    async fn within(
        &self,
        reading: impl Future<Output = Result<(), CatchUpError>>,
    ) -> Result<(), CatchUpError> {
        timeout(self.patience(), reading).await.unwrap_or(Err(CatchUpError::TooLate))
    }
}
