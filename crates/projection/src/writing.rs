//! The one thread that writes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use aerogram_wire::Topic;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::place::Place;
use crate::{Applied, Batch, Change, ProjectionError, blocking, escalations, schema};

/// Batches that wait for the writer, at most.
const WAITING_MAX: usize = 16;

type Told = oneshot::Sender<Result<Applied, ProjectionError>>;
type Batches = mpsc::Sender<(Batch, Told)>;

/// The thread ends with this, some time after it; [`Writing::close`] waits for that.
pub struct Writing(Mutex<Option<(Batches, JoinHandle<()>)>>);

impl Writing {
    pub fn start(
        connection: Connection,
        escalations_max: u64,
        place: Place,
    ) -> Result<Self, ProjectionError> {
        let (batches, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer { connection, cap: escalations::Cap::new(escalations_max), _place: place };
        let thread = std::thread::Builder::new().name("projection".to_owned());
        let thread = thread.spawn(move || writer.run(waiting)).map_err(|error| ProjectionError::Io {
            what: "starting the thread of",
            path: "the projection".into(),
            error,
        })?;
        Ok(Self(Mutex::new(Some((batches, thread)))))
    }

    pub async fn apply(&self, batch: Batch) -> Result<Applied, ProjectionError> {
        let (tell, told) = oneshot::channel();
        let batches = self.writer().as_ref().map(|(batches, _)| batches.clone());
        let batches = batches.ok_or(ProjectionError::Closed)?;
        batches.send((batch, tell)).await.map_err(|_| ProjectionError::Closed)?;
        told.await.map_err(|_| ProjectionError::Closed)?
    }

    /// Waits for the batches that are waiting, and until the file is closed.
    pub async fn close(&self) -> Result<(), ProjectionError> {
        let Some((batches, thread)) = self.writer().take() else { return Ok(()) };
        drop(batches);
        blocking(move || thread.join().map_err(|_| ProjectionError::WriterPanicked)).await
    }

    fn writer(&self) -> MutexGuard<'_, Option<(Batches, JoinHandle<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    // The place is given up when the file is closed.
    connection: Connection,
    cap: escalations::Cap,
    _place: Place,
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<(Batch, Told)>) {
        while let Some((batch, tell)) = waiting.blocking_recv() {
            let applied = self.apply(&batch).map_err(ProjectionError::sqlite("writing"));
            // Who gave up waiting is not told; what was applied stays.
            let _ = tell.send(applied);
        }
    }

    fn apply(&mut self, batch: &Batch) -> rusqlite::Result<Applied> {
        let transaction = self.connection.transaction()?;
        if batch.topic == Topic::Escalations && batch.begins_at > 0 {
            escalations::drop_before(&transaction, batch.partition, batch.begins_at)?;
        }
        for change in &batch.changes {
            match change {
                Change::Escalated(row) => escalations::insert(&transaction, row)?,
                Change::Resolved { key, resolution } => escalations::resolve(&transaction, *key, resolution)?,
            }
        }
        let dropped = self.cap.keep(&transaction)?;
        schema::set_position(&transaction, batch.topic, batch.partition, batch.next_offset)?;
        let open = escalations::open(&transaction)?;
        transaction.commit()?;
        self.cap.say(dropped);
        Ok(Applied { open })
    }
}
