//! The one thread that writes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::anew::Anew;
use crate::apply::Applying;
use crate::deliveries::{self, TOPICS};
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
    MakeAnew(u64, Tell<()>),
    Followed(i64, Tell<()>),
}

/// What readers are told of how far the rows reach.
pub struct Reach {
    pub since_ms: Arc<AtomicI64>,
    pub anew: Arc<Anew>,
}

/// The thread ends with this, some time after it; [`Writing::close`] waits for that.
pub struct Writing(Mutex<Option<(Asks, JoinHandle<()>)>>);

impl Writing {
    pub fn start(
        connection: Connection,
        options: &Options,
        keep: Keep,
        reach: Reach,
        place: Place,
    ) -> Result<Self, ProjectionError> {
        let (asks, waiting) = mpsc::channel(WAITING_MAX);
        let applying = Applying::new(options.escalations_max);
        let writer = Writer { connection, applying, keep, reach, _place: place };
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

    pub async fn make_anew(&self, generation: u64) -> Result<(), ProjectionError> {
        self.ask(|tell| Ask::MakeAnew(generation, tell)).await
    }

    pub async fn followed(&self, at_ms: i64) -> Result<(), ProjectionError> {
        self.ask(|tell| Ask::Followed(at_ms, tell)).await
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
    reach: Reach,
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
                        self.apply(&mut batches, &mut tells);
                        let _ = tell.send(self.keep(now_ms));
                    }
                    Ask::MakeAnew(generation, tell) => {
                        self.apply(&mut batches, &mut tells);
                        let _ = tell.send(self.make_anew(generation));
                    }
                    Ask::Followed(at_ms, tell) => {
                        self.apply(&mut batches, &mut tells);
                        let _ = tell.send(self.followed(at_ms));
                    }
                }
            }
            self.apply(&mut batches, &mut tells);
        }
    }

    /// Those that are of this generation, at once, or if that fails each by itself: one that can't be applied keeps back no
    /// other. None is left.
    fn apply(&mut self, batches: &mut Vec<Batch>, tells: &mut Vec<Tell<Applied>>) {
        if batches.is_empty() {
            return;
        }
        // Where it can't be read, whoever begins again is told why.
        let generation = self.generation().ok();
        let (batches, tells): (Vec<_>, Vec<_>) = batches
            .drain(..)
            .zip(tells.drain(..))
            .filter_map(|(batch, tell)| {
                if generation == Some(batch.generation) || !TOPICS.contains(&batch.topic) {
                    return Some((batch, tell));
                }
                let _ = tell.send(Err(ProjectionError::MadeAnew));
                None
            })
            .unzip();
        let together =
            if batches.len() > 1 { self.applying.apply(&mut self.connection, &batches).ok() } else { None };
        for (batch, tell) in batches.iter().zip(tells) {
            let applied = match together {
                Some(applied) => Ok(applied),
                None => self.applying.apply(&mut self.connection, std::slice::from_ref(batch)),
            };
            if batch.untold_until_ms > 0 && applied.is_ok() {
                // Before anybody can know that it is read.
                self.reach.since_ms.fetch_max(batch.untold_until_ms, Ordering::SeqCst);
            }
            // Who gave up waiting is not told; what was applied stays.
            let _ = tell.send(applied.map_err(ProjectionError::sqlite("writing")));
        }
    }

    fn keep(&mut self, now_ms: i64) -> Result<Kept, ProjectionError> {
        // Of what is not read yet, nothing may go.
        if !self.is_whole()? {
            return Ok(Kept::default());
        }
        let kept = self.keep.keep(&mut self.connection, now_ms);
        kept.map_err(ProjectionError::sqlite("dropping what is too old"))
    }

    fn followed(&self, at_ms: i64) -> Result<(), ProjectionError> {
        if !self.is_whole()? {
            return Ok(());
        }
        deliveries::followed(&self.connection, at_ms).map_err(ProjectionError::sqlite("writing"))
    }

    fn is_whole(&self) -> Result<bool, ProjectionError> {
        Ok(self.reach.anew.is_whole(self.generation()?))
    }

    fn generation(&self) -> Result<u64, ProjectionError> {
        let generation = deliveries::generation(&self.connection);
        generation.map_err(ProjectionError::sqlite("reading which history it is"))
    }

    fn make_anew(&mut self, generation: u64) -> Result<(), ProjectionError> {
        let made = self.applying.make_anew(&mut self.connection, generation);
        // Whatever became of it: the file says which one it is.
        self.reach.anew.is(self.generation()?);
        made.map_err(ProjectionError::sqlite("making the history anew"))
    }
}
