//! The one thread that writes.

use std::thread::JoinHandle;

use aerogram_wire::Topic;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{Applied, Batch, Change, ProjectionError, escalations, schema};

/// Batches that wait for the writer, at most.
const WAITING_MAX: usize = 16;

type Told = oneshot::Sender<Result<Applied, ProjectionError>>;

pub struct Writing {
    /// `None` only while it is being closed.
    batches: Option<mpsc::Sender<(Batch, Told)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writing {
    pub fn start(connection: Connection, escalations_max: u64) -> Result<Self, ProjectionError> {
        let (batches, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer { connection, cap: escalations::Cap::new(escalations_max) };
        let thread = std::thread::Builder::new().name("projection".to_owned());
        let thread = thread.spawn(move || writer.run(waiting)).map_err(|error| ProjectionError::Io {
            what: "starting the thread of",
            path: "the projection".into(),
            error,
        })?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    pub async fn apply(&self, batch: Batch) -> Result<Applied, ProjectionError> {
        let (tell, told) = oneshot::channel();
        let batches = self.batches.as_ref().ok_or(ProjectionError::Closed)?;
        batches.send((batch, tell)).await.map_err(|_| ProjectionError::Closed)?;
        told.await.map_err(|_| ProjectionError::Closed)?
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        drop(self.batches.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes the projection panicked; this is a bug");
        }
    }
}

struct Writer {
    connection: Connection,
    cap: escalations::Cap,
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
