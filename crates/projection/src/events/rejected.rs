//! Events that were rejected, by their names; the rest stands in `rejected`.

use rusqlite::{Connection, Transaction, params};

use super::EventQuery;

/// An event that was not accepted.
#[derive(Clone, PartialEq, Debug)]
pub struct RejectedName {
    /// Where it stands in `rejected`, which has one partition.
    pub offset: i64,
    /// The publisher's.
    pub event_id: String,
    /// In milliseconds since 1970.
    pub rejected_at_ms: i64,
    /// The code, such as `unknown_type`.
    pub reason: String,
    /// The publisher scope that it came by.
    pub scope: String,
    /// It was accepted after all.
    pub settled: bool,
}

impl RejectedName {
    /// A repetition changes nothing.
    pub fn insert(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Self { offset, event_id, rejected_at_ms, reason, scope, settled } = self;
        transaction
            .prepare_cached("INSERT INTO rejected VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")?
            .execute(params![offset, event_id, rejected_at_ms, reason, scope, settled])?;
        Ok(())
    }

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            offset: row.get("offset")?,
            event_id: row.get("event_id")?,
            rejected_at_ms: row.get("rejected_at_ms")?,
            reason: row.get("reason")?,
            scope: row.get("scope")?,
            settled: row.get("settled")?,
        })
    }
}

/// What stands at this offset was accepted after all.
pub fn settle(transaction: &Transaction<'_>, offset: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE rejected SET settled = 1 WHERE offset = ?1")?.execute([offset])?;
    Ok(())
}

pub fn of_event(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<RejectedName>> {
    let EventQuery { event_id, not_before_ms, limit, .. } = query;
    let mut statement = connection.prepare_cached(
        "SELECT * FROM rejected WHERE event_id = ?1 AND rejected_at_ms >= ?2 ORDER BY offset LIMIT ?3",
    )?;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    statement.query_map(params![event_id, not_before_ms, limit], RejectedName::read)?.collect()
}
