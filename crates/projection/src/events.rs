//! Events that no delivery tells of: those that matched nothing, those that repeat another one, and those that were rejected.

mod rejected;
mod unmatched;

pub use rejected::{RejectedName, settle};
pub use unmatched::{Unmatched, is_repeat};

use aerogram_domain::identity::Position;
use rusqlite::{Connection, Transaction};

use crate::deliveries::{DeliveryRow, of_event};

pub const TABLES: &str = "
CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE unmatched (
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    event_id TEXT,
    accepted_at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    scope INTEGER NOT NULL,
    event_type INTEGER NOT NULL,
    operator INTEGER NOT NULL,
    environment INTEGER NOT NULL,
    contract TEXT NOT NULL,
    subject TEXT NOT NULL,
    repeats_partition INTEGER,
    repeats_offset INTEGER,
    UNIQUE (partition, offset)
) STRICT;
CREATE INDEX unmatched_by_event ON unmatched (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX unmatched_by_time ON unmatched (accepted_at_ms);
CREATE TABLE rejected (
    offset INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    rejected_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    scope TEXT NOT NULL,
    settled INTEGER NOT NULL
) STRICT;
CREATE INDEX rejected_by_event ON rejected (event_id);
CREATE INDEX rejected_by_time ON rejected (rejected_at_ms);
";

/// Which events somebody asks for.
#[derive(Clone, Default, Debug)]
pub struct EventQuery {
    /// The publisher's.
    pub event_id: String,
    /// Deliveries that this one's subscriptions got, and what it published; `None`: everybody's.
    pub operator: Option<String>,
    /// What was issued, accepted or rejected before is not shown, but for deliveries that have not ended: now less the retention.
    pub not_before_ms: i64,
    /// Of each sort, at most.
    pub limit: usize,
}

/// What there is of events with one id, oldest first each.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct EventsById {
    pub deliveries: Vec<DeliveryRow>,
    pub unmatched: Vec<Unmatched>,
    /// Whoever published it: nothing that is not accepted has an owner.
    pub rejected: Vec<RejectedName>,
}

pub fn by_id(connection: &Connection, query: &EventQuery) -> rusqlite::Result<EventsById> {
    let view = connection.unchecked_transaction()?;
    let EventQuery { event_id, operator, not_before_ms, limit } = query;
    let operator = operator.as_deref();
    Ok(EventsById {
        deliveries: of_event(&view, event_id, operator, *not_before_ms, *limit)?,
        unmatched: unmatched::of_event(&view, event_id, operator, *not_before_ms, *limit)?,
        rejected: rejected::of_event(&view, event_id, *not_before_ms, *limit)?,
    })
}

/// Drops what is older, at most so many of each sort; answers how many that were.
pub fn drop_before(transaction: &Transaction<'_>, before_ms: i64, at_most: usize) -> rusqlite::Result<usize> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let mut dropped = 0;
    for text in [
        "DELETE FROM unmatched WHERE id IN (SELECT id FROM unmatched WHERE accepted_at_ms < ?1 ORDER BY accepted_at_ms LIMIT ?2)",
        "DELETE FROM rejected WHERE offset IN (SELECT offset FROM rejected WHERE rejected_at_ms < ?1 ORDER BY rejected_at_ms LIMIT ?2)",
    ] {
        dropped += transaction.prepare_cached(text)?.execute((before_ms, at_most))?;
    }
    Ok(dropped)
}

fn position(partition: Option<i32>, offset: Option<i64>) -> Option<Position> {
    Some(Position { partition: partition?, offset: offset? })
}
