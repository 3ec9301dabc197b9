//! Telling tasks to stop.

use tokio::sync::watch;
use tokio::time::Instant;

/// What a task should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// Go on.
    No,
    /// Stop taking, finish what is in flight, commit, return; before the deadline.
    Drain { deadline: Instant },
    /// The assignment is lost: return at once, without a commit.
    Abandon,
}

/// Tells the task of a partition to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Stopping>);

impl Stop {
    /// Also for tests of roles: what is sent is what the task sees; a dropped sender means `Abandon`.
    pub fn channel() -> (watch::Sender<Stopping>, Self) {
        let (sender, receiver) = watch::channel(Stopping::No);
        (sender, Self(receiver))
    }

    pub fn now(&self) -> Stopping {
        // An error means that the driver is gone, and with it the assignment.
        if self.0.has_changed().is_err() { Stopping::Abandon } else { *self.0.borrow() }
    }

    /// Waits until it differs from when this handle last looked, and returns what it is then; cancel-safe.
    pub async fn changed(&mut self) -> Stopping {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_) => Stopping::Abandon,
        }
    }

    /// Returns when the partition is to be given back, and says how; without using up the change, so that whoever waits for
    /// [`Self::changed`] sees it as well.
    pub async fn asked(&self) -> Stopping {
        let mut watched = self.clone();
        while watched.now() == Stopping::No {
            watched.changed().await;
        }
        watched.now()
    }

    /// Whether a rebalance that takes this partition has begun since it was assigned. In a cooperative group the others
    /// never lead to another owner.
    pub fn rebalancing(&self) -> bool {
        self.now() != Stopping::No
    }

    /// Returns once the task should be gone.
    pub(super) async fn abandoned(mut self) {
        while self.now() != Stopping::Abandon {
            self.changed().await;
        }
    }
}
