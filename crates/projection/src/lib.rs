//! What the control plane answers from that is too much for memory: an SQLite file beside the process, folded from Kafka.
//!
//! It holds nothing that the log does not: rows and the positions up to which they were read change in one transaction, and a
//! file that is damaged, of another version or of other topics is made anew. One thread writes; readers have connections of
//! their own and never wait for it (WAL). No SQLite runs on the async threads.

mod batch;
mod error;
mod escalations;
mod file;
mod place;
mod reading;
mod schema;
mod writing;

pub use batch::{Batch, Change};
pub use error::ProjectionError;
pub use escalations::{Cursor, Open, Page, Query, Row};

use std::path::PathBuf;
use std::sync::Arc;

use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use place::Place;
use reading::Readers;
use writing::Writing;

/// What a projection is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; `None`: one of its own that is gone when the projection is closed.
    pub path: Option<PathBuf>,
    /// Of the cluster: what is kept of another one is made anew.
    pub layout_id: String,
    /// Escalations kept, at most.
    pub escalations_max: u64,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// Escalations nobody has dealt with.
    pub open: Open,
}

/// An open projection; clones share it. Closed with the last of them.
#[derive(Clone)]
pub struct Projection {
    // The fields are dropped in this order: the writer is the last to let go of the file, for who reads can't tidy it up, and
    // then its place is given up.
    readers: Arc<Readers>,
    writing: Arc<Writing>,
    _place: Arc<Place>,
}

impl Projection {
    /// Opens the file, or makes it anew.
    ///
    /// # Errors
    /// The file is another process's, is not ours, or can't be written.
    pub async fn open(options: Options) -> Result<Self, ProjectionError> {
        blocking(move || {
            let place = Place::take(options.path)?;
            let connection = file::open(&place.path, &options.layout_id)?;
            let readers = Readers::new(place.path.clone());
            let writing = Writing::start(connection, options.escalations_max)?;
            Ok(Self { writing: Arc::new(writing), readers: Arc::new(readers), _place: Arc::new(place) })
        })
        .await
    }

    /// Up to where a partition was read: its next offset; `None`: it never was.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn position(&self, topic: Topic, partition: i32) -> Result<Option<i64>, ProjectionError> {
        self.readers
            .read("reading a position", move |connection| schema::position(connection, topic, partition))
            .await
    }

    /// Applies a batch and remembers up to where it goes, all or nothing.
    ///
    /// # Errors
    /// The file can't be written, and nothing of the batch is.
    pub async fn apply(&self, batch: Batch) -> Result<Applied, ProjectionError> {
        self.writing.apply(batch).await
    }

    /// A page of escalations, newest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn escalations(&self, query: Query) -> Result<Page, ProjectionError> {
        self.readers
            .read("listing escalations", move |connection| escalations::list(connection, &query))
            .await
    }

    /// One escalation.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn escalation(&self, key: RunKey) -> Result<Option<Row>, ProjectionError> {
        self.readers
            .read("looking up an escalation", move |connection| escalations::find(connection, key))
            .await
    }
}

/// Runs on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProjectionError> + Send + 'static,
) -> Result<T, ProjectionError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(ProjectionError::Closed),
    }
}
