//! The one thread that writes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::apply::Applying;
use crate::keep::{Keep, Kept};
use crate::place::Place;
use crate::{Applied, Batch, Options, ProjectionError, blocking};

/// Requests that wait for the writer, at most; batches among them are applied in one transaction.
const WAITING_MAX: usize = 16;

type Tell<T> = oneshot::Sender<Result<T, ProjectionError>>;
type Asks = mpsc::Sender<Ask>;

enum Ask {
    Apply(Batch, Tell<Applied>),
    Keep(i64, Tell<Kept>),
}

/// The thread ends with this, some time after it; [`Writing::close`] waits for that.
pub struct Writing(Mutex<Option<(Asks, JoinHandle<()>)>>);

impl Writing {
    pub fn start(
        connection: Connection,
        options: &Options,
        keep: Keep,
        place: Place,
    ) -> Result<Self, ProjectionError> {
        let (asks, waiting) = mpsc::channel(WAITING_MAX);
        let applying = Applying::new(options.escalations_max);
        let writer = Writer { connection, applying, keep, _place: place };
        let thread = std::thread::Builder::new().name("projection".to_owned());
        let thread = thread.spawn(move || writer.run(waiting)).map_err(|error| ProjectionError::Io {
            what: "starting the thread of",
            path: "the projection".into(),
            error,
        })?;
        Ok(Self(Mutex::new(Some((asks, thread)))))
    }

    pub async fn apply(&self, batch: Batch) -> Result<Applied, ProjectionError> {
        self.ask(|tell| Ask::Apply(batch, tell)).await
    }

    pub async fn keep(&self, now_ms: i64) -> Result<Kept, ProjectionError> {
        self.ask(|tell| Ask::Keep(now_ms, tell)).await
    }

    async fn ask<T>(&self, what: impl FnOnce(Tell<T>) -> Ask) -> Result<T, ProjectionError> {
        let (tell, told) = oneshot::channel();
        let asks = self.writer().as_ref().map(|(asks, _)| asks.clone());
        let asks = asks.ok_or(ProjectionError::Closed)?;
        asks.send(what(tell)).await.map_err(|_| ProjectionError::Closed)?;
        told.await.map_err(|_| ProjectionError::Closed)?
    }

    /// Waits for what is waiting, and until the file is closed.
    pub async fn close(&self) -> Result<(), ProjectionError> {
        let Some((asks, thread)) = self.writer().take() else { return Ok(()) };
        drop(asks);
        blocking(move || thread.join().map_err(|_| ProjectionError::WriterPanicked)).await
    }

    fn writer(&self) -> MutexGuard<'_, Option<(Asks, JoinHandle<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    // The place is given up when the file is closed.
    connection: Connection,
    applying: Applying,
    keep: Keep,
    _place: Place,
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<Ask>) {
        while let Some(first) = waiting.blocking_recv() {
            let (mut batches, mut tells) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(ask) = next.take() {
                match ask {
                    Ask::Apply(batch, tell) => {
                        batches.push(batch);
                        tells.push(tell);
                        if batches.len() < WAITING_MAX {
                            next = waiting.try_recv().ok();
                        }
                    }
                    Ask::Keep(now_ms, tell) => {
                        // What came before is applied before.
                        self.apply(&batches, tells.drain(..));
                        batches.clear();
                        let kept = self.keep.keep(&mut self.connection, now_ms);
                        let _ = tell.send(kept.map_err(ProjectionError::sqlite("dropping what is too old")));
                    }
                }
            }
            self.apply(&batches, tells.into_iter());
        }
    }

    /// All of them at once, or if that fails each by itself: one that can't be applied keeps back no other.
    fn apply(&mut self, batches: &[Batch], tells: impl Iterator<Item = Tell<Applied>>) {
        let together =
            if batches.len() > 1 { self.applying.apply(&mut self.connection, batches).ok() } else { None };
        for (batch, tell) in batches.iter().zip(tells) {
            let applied = match together {
                Some(applied) => Ok(applied),
                None => self.applying.apply(&mut self.connection, std::slice::from_ref(batch)),
            };
            // Who gave up waiting is not told; what was applied stays.
            let _ = tell.send(applied.map_err(ProjectionError::sqlite("writing")));
        }
    }
}
