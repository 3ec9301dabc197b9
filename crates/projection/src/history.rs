//! What is asked about history.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aerogram_domain::identity::Position;
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::{
    Counted, DeliveryPage, DeliveryQuery, DeliveryRow, EventQuery, EventsById, Kept, Projection,
    ProjectionError, ReadSoFar, deliveries, events, schema,
};

impl Projection {
    /// How far a partition was read.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn read_so_far(&self, topic: Topic, partition: i32) -> Result<ReadSoFar, ProjectionError> {
        let so_far = move |connection: &_| schema::read_so_far(connection, topic, partition);
        self.opened()?.readers.read("reading a position", so_far).await
    }

    /// Has history made anew: all runs go, and who reads its topics has to begin at their beginnings. Until
    /// [`Projection::whole_again`] nothing is told of runs. Nothing happens, if that was done since `generation`.
    ///
    /// # Errors
    /// It is not open, or the file can't be written; then all is as it was.
    pub async fn make_anew(&self, generation: u64) -> Result<(), ProjectionError> {
        self.opened()?.writing.make_anew(generation).await
    }

    /// Tells whenever history is made anew: the generation since.
    pub fn made_anew(&self) -> watch::Receiver<u64> {
        self.0.anew.watch()
    }

    /// The log was read to the end that it had when this generation had begun.
    pub fn whole_again(&self, generation: u64) {
        self.0.anew.whole_again(generation);
    }

    /// What was in the log then is read, by this clock, in milliseconds since 1970, and the position of every partition in the file
    /// says so. Written once a minute at most, and not while history is made anew.
    ///
    /// # Errors
    /// It is not open, or the file can't be written.
    pub async fn followed(&self, at_ms: i64) -> Result<(), ProjectionError> {
        self.opened()?.writing.followed(at_ms).await
    }

    /// What was issued before may be missing because the log did not go on where it was read, in milliseconds since 1970; 0:
    /// nothing is.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn untold_until_ms(&self) -> Result<i64, ProjectionError> {
        self.opened()?.readers.read("reading how far back it reaches", deliveries::untold_until_ms).await
    }

    /// Reads what is made of runs, in one view, and only while they are whole there.
    pub(crate) async fn read_runs<T: Send + 'static>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ProjectionError> {
        let anew = Arc::clone(&self.0.anew);
        let read = move |connection: &Connection| {
            let view = connection.unchecked_transaction()?;
            if !anew.is_whole(deliveries::generation(&view)?) {
                return Ok(None);
            }
            query(&view).map(Some)
        };
        self.opened()?.readers.read(what, read).await?.ok_or(ProjectionError::MadeAnew)
    }

    /// A page of deliveries.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<DeliveryPage, ProjectionError> {
        let list = move |connection: &_| deliveries::page(connection, &query);
        self.read_runs("listing deliveries", list).await
    }

    /// How many deliveries there are, counted no further than `at_most`, wherever the page of the query begins.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn count_deliveries(&self, query: DeliveryQuery, at_most: u64) -> Result<u64, ProjectionError> {
        Ok(self.deliveries_counted(query, at_most).await?.rows)
    }

    /// The same, and whether there may be more.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn deliveries_counted(
        &self,
        query: DeliveryQuery,
        at_most: u64,
    ) -> Result<Counted, ProjectionError> {
        let count = move |connection: &_| deliveries::count(connection, &query, at_most);
        self.read_runs("counting deliveries", count).await
    }

    /// One run of a delivery, unless it has ended and was issued before `not_before_ms`.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn delivery(
        &self,
        key: RunKey,
        not_before_ms: i64,
    ) -> Result<Option<DeliveryRow>, ProjectionError> {
        let find = move |connection: &_| deliveries::find(connection, key, not_before_ms);
        self.read_runs("looking up a delivery", find).await
    }

    /// What there is of the events with an id.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn events_by_id(&self, query: EventQuery) -> Result<EventsById, ProjectionError> {
        let find = move |connection: &_| events::by_id(connection, &query);
        self.read_runs("looking up an event", find).await
    }

    /// Whether the event at this position of `events` repeats another one.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn is_repeat(&self, at: Position) -> Result<bool, ProjectionError> {
        let find = move |connection: &_| events::is_repeat(connection, at);
        self.opened()?.readers.read("looking up an event", find).await
    }

    /// Drops some of what is kept no longer, by this clock, in milliseconds since 1970. To be called again at once while there
    /// is more, and after a while in any case; but only while everything that is in the log is here: what went too early would
    /// come back by a later record of the same run, without its end. So while the log is read from its beginning the file may
    /// get larger than it may be otherwise.
    ///
    /// # Errors
    /// It is not open, or the file can't be written.
    pub async fn keep(&self, now_ms: i64) -> Result<Kept, ProjectionError> {
        self.opened()?.writing.keep(now_ms).await
    }

    /// What has ended and was issued before may be gone because there was no room, or missing because the log did not go on where
    /// it was read, in milliseconds since 1970; 0: nothing is, or it is not open.
    pub fn whole_since_ms(&self) -> i64 {
        self.opened().map_or(0, |opened| opened.since_ms.load(Ordering::SeqCst))
    }
}
