//! Lists that are read as a whole, which may be long: a few at a time, and understood beside what else there is to do.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Refused, Rest};

/// So many are read at a time.
const AT_A_TIME: usize = 4;

/// The API as it is served to everybody, and how much of it is read at a time.
#[derive(Clone)]
pub struct Api {
    router: Router,
    room: Arc<Semaphore>,
    /// For the one that takes longest.
    slow: Arc<Semaphore>,
    patience: Duration,
}

impl Api {
    /// `patience`: how long a list waits for its turn.
    pub fn of(router: Router, patience: Duration) -> Self {
        let [room, slow] = [AT_A_TIME, 1].map(|places| Arc::new(Semaphore::new(places)));
        Self { router, room, slow, patience }
    }

    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    async fn turn(&self, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refused> {
        let turn = timeout(self.patience, Arc::clone(of).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            Refused::Unavailable("too many long lists are being read; ask again in a moment".to_owned())
        })
    }
}

impl Rest {
    /// As [`Rest::get`], of what may be ten thousand.
    ///
    /// # Errors
    /// As there, and when others were in the way for too long.
    pub async fn whole<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, Refused> {
        let turn = self.api.turn(&self.api.room).await?;
        let answer = self.send(Method::GET, path, None, &[]).await?;
        aside(move || {
            let read = answer.read();
            drop((answer, turn));
            read
        })
        .await?
    }

    /// The same of a list that REST makes one at a time: others of its kind wait here, where they hold up no other list.
    ///
    /// # Errors
    /// As [`Rest::whole`].
    pub async fn slow_whole<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, Refused> {
        let _turn = self.api.turn(&self.api.slow).await?;
        self.whole(path).await
    }
}

/// Does what takes more than a moment where nobody else waits for it.
///
/// # Errors
/// It was given up; a bug, or the process is ending.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    spawn_blocking(work).await.map_err(|error| Refused::broken(format!("a page was not finished: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lists_take_turns() {
        let api = Api::of(Router::new(), Duration::ZERO);
        let mut turns = Vec::new();
        for _ in 0..AT_A_TIME {
            turns.push(api.turn(&api.room).await.unwrap());
        }
        assert!(matches!(api.turn(&api.room).await, Err(Refused::Unavailable(_))));
        assert!(api.turn(&api.slow).await.is_ok());
        turns.pop();
        assert!(api.turn(&api.room).await.is_ok());
    }
}
