//! What is asked about history.

use std::sync::atomic::Ordering;

use aerogram_domain::history::Claims;
use aerogram_domain::identity::Position;
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;

use crate::{
    DeliveryPage, DeliveryQuery, DeliveryRow, EventQuery, EventsById, Kept, Projection, ProjectionError,
    deliveries, events, schema,
};

impl Projection {
    /// The epoch in force where a partition of `attempts` was read up to.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn claims(&self, partition: i32) -> Result<Claims, ProjectionError> {
        let claims = move |connection: &_| schema::claims(connection, Topic::Attempts, partition);
        self.opened()?.readers.read("reading a position", claims).await
    }

    /// A page of deliveries.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<DeliveryPage, ProjectionError> {
        let list = move |connection: &_| deliveries::list(connection, &query);
        self.opened()?.readers.read("listing deliveries", list).await
    }

    /// How many deliveries there are, counted no further than `at_most`, wherever the page of the query begins.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn count_deliveries(&self, query: DeliveryQuery, at_most: u64) -> Result<u64, ProjectionError> {
        let count = move |connection: &_| deliveries::count(connection, &query, at_most);
        self.opened()?.readers.read("counting deliveries", count).await
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
        self.opened()?.readers.read("looking up a delivery", find).await
    }

    /// What there is of the events with an id.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn events_by_id(&self, query: EventQuery) -> Result<EventsById, ProjectionError> {
        let find = move |connection: &_| events::by_id(connection, &query);
        self.opened()?.readers.read("looking up an event", find).await
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

    /// What has ended and was issued before may be gone because there was no room, in milliseconds since 1970; 0: nothing is,
    /// or it is not open.
    pub fn whole_since_ms(&self) -> i64 {
        self.opened().map_or(0, |opened| opened.whole_since_ms.load(Ordering::Relaxed))
    }
}
