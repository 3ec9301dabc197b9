//! What the control plane answers from that is too much for memory: an SQLite file beside the process, folded from Kafka.
//!
//! It holds nothing that the log does not: rows and the positions up to which they were read change in one transaction, and a
//! file that is damaged, of another version or of other topics is made anew. One thread writes; readers have connections of
//! their own and never wait for it (WAL). No SQLite runs on the async threads.
//!
//! All connections are made when it is opened and kept: a file that is deleted meanwhile lives on for them until the process
//! ends, and the next one makes it anew.

mod anew;
mod apply;
mod batch;
mod deliveries;
mod error;
mod escalations;
mod events;
mod file;
mod history;
mod keep;
mod place;
mod reading;
mod schema;
mod writing;

pub use batch::{Batch, Change};
pub use deliveries::{
    About, Counted, DeliveryCursor, DeliveryPage, DeliveryQuery, DeliveryRow, Issued, LastDelivery,
    LastQuery, Overview, OverviewQuery, Waiting,
};
pub use error::ProjectionError;
pub use escalations::{Cursor, NoCursor, Open, Page, Query, Row};
pub use events::{
    Entitled, EventCursor, EventQuery, EventSearch, EventsById, FoundEvent, FoundEvents, RejectedName,
    Unmatched,
};
pub use keep::Kept;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use aerogram_domain::history::Claims;
use aerogram_domain::repair::KnownRun;
use aerogram_wire::Topic;
use aerogram_wire::key::{DeliveryId, RunKey};
use anew::Anew;
use keep::Keep;
use place::Place;
use reading::Readers;
use tokio::sync::{Mutex, watch};
use writing::{Reach, Writing};

/// What a projection is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; `None`: one of its own that is gone when the projection is closed.
    pub path: Option<PathBuf>,
    /// Of the cluster: what is kept of another one is made anew.
    pub layout_id: String,
    /// Escalations kept, at most.
    pub escalations_max: u64,
    /// How long runs that have ended are kept since they were issued, in milliseconds.
    pub history_retention_ms: u64,
    /// How long the log holds what the history is made from, in milliseconds: what it tells no more of goes whether it has ended
    /// or not, unless it waits in `pending`.
    pub log_retention_ms: u64,
    /// How large the file may get, in bytes, before the oldest runs that have ended go.
    pub history_bytes_max: u64,
    /// How long a read may take, in milliseconds.
    pub read_timeout_ms: u64,
}

/// How far a partition was read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ReadSoFar {
    /// Everything before this offset is in the projection; `None`: it was never read, or history is made anew since.
    pub next_offset: Option<i64>,
    /// Where it was read up to before history was made anew; `None`: it was read since.
    pub left_at: Option<i64>,
    /// Of `attempts`: the epoch in force there.
    pub claims: Claims,
    /// When everything in the log was last known to be read, in milliseconds since 1970; where history is made anew, before that. `None`: never.
    pub followed_ms: Option<i64>,
    /// How often history was made anew since the file was opened.
    pub generation: u64,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// Escalations nobody has dealt with.
    pub open: Open,
}

/// A projection; clones share it. Close it: without that its file is let go of some time after the last of them.
#[derive(Clone)]
pub struct Projection(Arc<Shared>);

struct Shared {
    options: Options,
    state: watch::Sender<State>,
    /// One opening at a time.
    opening: Mutex<()>,
    anew: Arc<Anew>,
}

enum State {
    NotYet,
    Open(Arc<Opened>),
    Closed,
}

struct Opened {
    // Dropped in this order: the writer is the last to let go of the file, for who reads can't tidy it up.
    readers: Readers,
    writing: Writing,
    /// What has ended and was issued before may be gone, or missing, in milliseconds since 1970.
    since_ms: Arc<AtomicI64>,
}

impl Opened {
    fn open(options: Options, anew: Arc<Anew>) -> Result<Self, ProjectionError> {
        let bounds = options.clone();
        let place = Place::take(options.path)?;
        let connection = file::open(&place.path, &options.layout_id)?;
        deliveries::begin_generations(&connection).map_err(ProjectionError::sqlite("beginning"))?;
        let since_ms = deliveries::since_ms(&connection);
        let since_ms = since_ms.map_err(ProjectionError::sqlite("reading how far back it reaches"))?;
        let since_ms = Arc::new(AtomicI64::new(since_ms));
        let readers = Readers::open(&place.path, bounds.read_timeout_ms)?;
        let keep = Keep::new(&bounds, Arc::clone(&since_ms));
        let reach = Reach { since_ms: Arc::clone(&since_ms), anew };
        let writing = Writing::start(connection, &bounds, keep, reach, place)?;
        Ok(Self { readers, writing, since_ms })
    }
}

impl Projection {
    /// One that is not open yet; nothing is touched.
    pub fn new(options: Options) -> Self {
        let (state, _) = watch::channel(State::NotYet);
        let (opening, anew) = (Mutex::default(), Arc::new(Anew::new()));
        Self(Arc::new(Shared { options, state, opening, anew }))
    }

    /// One that is open.
    ///
    /// # Errors
    /// See [`Projection::start`].
    pub async fn open(options: Options) -> Result<Self, ProjectionError> {
        let projection = Self::new(options);
        projection.start().await?;
        Ok(projection)
    }

    /// Opens the file, or makes it anew. Reads all of it once, which takes seconds for a million rows. May be tried again.
    ///
    /// # Errors
    /// The file is another process's, is not ours, or can't be written; or the projection was closed.
    pub async fn start(&self) -> Result<(), ProjectionError> {
        let _one = self.0.opening.lock().await;
        match self.opened() {
            Err(ProjectionError::NotOpen) => {}
            known => return known.map(|_| ()),
        }
        let options = self.0.options.clone();
        let anew = Arc::clone(&self.0.anew);
        let opened = Arc::new(blocking(move || Opened::open(options, anew)).await?);
        let was_awaited = self.0.state.send_if_modified(|state| {
            let awaited = matches!(state, State::NotYet);
            if awaited {
                *state = State::Open(opened);
            }
            awaited
        });
        if was_awaited { Ok(()) } else { Err(ProjectionError::Closed) }
    }

    /// Waits until somebody has opened it.
    ///
    /// # Errors
    /// It was closed.
    pub async fn started(&self) -> Result<(), ProjectionError> {
        let mut state = self.0.state.subscribe();
        match state.wait_for(|state| !matches!(state, State::NotYet)).await {
            Ok(state) if matches!(*state, State::Open(_)) => Ok(()),
            _ => Err(ProjectionError::Closed),
        }
    }

    /// Lets go of the file, after what is under way; a temporary one is gone then. Nothing can be read or written any more.
    ///
    /// # Errors
    /// The writer has panicked.
    pub async fn close(&self) -> Result<(), ProjectionError> {
        let State::Open(opened) = self.0.state.send_replace(State::Closed) else { return Ok(()) };
        opened.readers.close().await?;
        opened.writing.close().await
    }

    /// Up to where a partition was read: its next offset; `None`: it never was.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn position(&self, topic: Topic, partition: i32) -> Result<Option<i64>, ProjectionError> {
        let position = move |connection: &_| schema::position(connection, topic, partition);
        self.opened()?.readers.read("reading a position", position).await
    }

    /// Applies a batch and remembers up to where it goes, all or nothing.
    ///
    /// # Errors
    /// It is not open, or the file can't be written, and nothing of the batch is.
    pub async fn apply(&self, batch: Batch) -> Result<Applied, ProjectionError> {
        self.opened()?.writing.apply(batch).await
    }

    /// A page of escalations, newest first.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn escalations(&self, query: Query) -> Result<Page, ProjectionError> {
        let list = move |connection: &_| escalations::list(connection, &query);
        self.opened()?.readers.read("listing escalations", list).await
    }

    /// How many escalations there are, counted no further than `at_most`, wherever the page of the query begins.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn count_escalations(&self, query: Query, at_most: u64) -> Result<Counted, ProjectionError> {
        let count = move |connection: &_| escalations::count(connection, &query, at_most);
        self.opened()?.readers.read("counting escalations", count).await
    }

    /// One escalation.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn escalation(&self, key: RunKey) -> Result<Option<Row>, ProjectionError> {
        let find = move |connection: &_| escalations::find(connection, key);
        self.opened()?.readers.read("looking up an escalation", find).await
    }

    /// The runs of these deliveries, whatever their age: of each those that are under way, and then the newest 200 in all.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn runs_of(
        &self,
        deliveries: Vec<DeliveryId>,
    ) -> Result<HashMap<DeliveryId, Vec<KnownRun>>, ProjectionError> {
        let find = move |connection: &_| deliveries::runs_of(connection, &deliveries);
        self.read_runs("looking up the runs of deliveries", find).await
    }

    fn opened(&self) -> Result<Arc<Opened>, ProjectionError> {
        match &*self.0.state.borrow() {
            State::NotYet => Err(ProjectionError::NotOpen),
            State::Open(opened) => Ok(Arc::clone(opened)),
            State::Closed => Err(ProjectionError::Closed),
        }
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
