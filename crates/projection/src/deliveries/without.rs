//! Which subscriptions got nothing of an event.

use std::collections::BTreeSet;

use aerogram_domain::identity::Position;
use rusqlite::{Connection, params};

use crate::{Projection, ProjectionError};

impl Projection {
    /// Of these subscriptions, those that have no delivery of the event with this id at this position of `events`, tests left out.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn without_delivery(
        &self,
        event_id: String,
        at: Position,
        subscriptions: BTreeSet<String>,
    ) -> Result<BTreeSet<String>, ProjectionError> {
        let find = move |connection: &_| without(connection, &event_id, at, subscriptions);
        self.read_runs("looking up deliveries of an event", find).await
    }
}

/// However many deliveries there are, no more is in memory than was asked about.
fn without(
    connection: &Connection,
    event_id: &str,
    at: Position,
    mut subscriptions: BTreeSet<String>,
) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT s.name FROM deliveries d JOIN subscriptions s ON s.id = d.subscription
         WHERE d.event_id = ?1 COLLATE NOCASE AND d.event_id = ?1 AND d.event_partition = ?2 AND d.event_offset = ?3 AND d.once = 0",
    )?;
    let mut rows = statement.query(params![event_id, at.partition, at.offset])?;
    while let Some(row) = rows.next()? {
        subscriptions.remove(row.get_ref(0)?.as_str()?);
    }
    Ok(subscriptions)
}
