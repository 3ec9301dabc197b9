//! Events that no delivery tells of: those that matched nothing, those that repeat another one, and those that were rejected.

mod candidates;
mod place;
mod rejected;
mod search;
mod unmatched;
mod words;

pub use place::EventCursor;
pub use rejected::{RejectedName, settle};
pub use search::{Entitled, EventSearch, FoundEvent, FoundEvents};
pub use unmatched::{Unmatched, is_repeat};
pub use words::{Named, Remembered, TABLES as WORDS, of_delivery as words_of};

use aerogram_domain::identity::Position;
use aerogram_wire::Topic;
use rusqlite::{Connection, Transaction};

use crate::deliveries::{DeliveryQuery, DeliveryRow, page};

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
CREATE INDEX unmatched_by_event ON unmatched (event_id COLLATE NOCASE) WHERE event_id IS NOT NULL;
CREATE INDEX unmatched_by_subject ON unmatched (subject COLLATE NOCASE) WHERE subject <> '';
CREATE INDEX unmatched_by_time ON unmatched (accepted_at_ms) WHERE repeats_offset IS NULL;
CREATE INDEX repeats_by_time ON unmatched (accepted_at_ms) WHERE repeats_offset IS NOT NULL;
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

pub fn by_id(view: &Connection, query: &EventQuery) -> rusqlite::Result<EventsById> {
    let deliveries = DeliveryQuery {
        operator: query.operator.clone(),
        event_id: Some(query.event_id.clone()),
        ascending: true,
        limit: query.limit,
        not_before_ms: query.not_before_ms,
        ..DeliveryQuery::default()
    };
    Ok(EventsById {
        deliveries: page(view, &deliveries)?.rows,
        unmatched: unmatched::of_event(view, query)?,
        rejected: rejected::of_event(view, query)?,
    })
}

const DROP_UNMATCHED: &str = "DELETE FROM unmatched WHERE id IN (SELECT id FROM unmatched
     WHERE repeats_offset IS NULL AND accepted_at_ms < ?1 ORDER BY accepted_at_ms LIMIT ?2) RETURNING accepted_at_ms";
const DROP_REPEATS: &str = "DELETE FROM unmatched WHERE id IN (SELECT id FROM unmatched
     WHERE repeats_offset IS NOT NULL AND accepted_at_ms < ?1 ORDER BY accepted_at_ms LIMIT ?2) RETURNING accepted_at_ms";
const DROP_REJECTED: &str = "DELETE FROM rejected WHERE offset IN (SELECT offset FROM rejected
     WHERE rejected_at_ms < ?1 ORDER BY rejected_at_ms LIMIT ?2) RETURNING rejected_at_ms";

/// Drops what is older, at most so many of each sort; answers how many that were.
pub fn drop_before(transaction: &Transaction<'_>, before_ms: i64, at_most: usize) -> rusqlite::Result<usize> {
    let all = [DROP_UNMATCHED, DROP_REPEATS, DROP_REJECTED];
    Ok(drop_each(transaction, &all, before_ms, at_most)?.len())
}

/// Drops words that lead to what is older, at most so many; answers how many that were.
pub fn drop_words_before(
    transaction: &Transaction<'_>,
    before_ms: i64,
    at_most: usize,
) -> rusqlite::Result<usize> {
    Ok(drop_each(transaction, &[words::DROP], before_ms, at_most)?.len())
}

/// The same to make room, of all; answers of when they were. Those that repeat another one stay: whoever replays them asks.
pub fn drop_oldest(
    transaction: &Transaction<'_>,
    before_ms: i64,
    at_most: usize,
) -> rusqlite::Result<Vec<i64>> {
    drop_each(transaction, &[DROP_UNMATCHED, DROP_REJECTED, words::DROP], before_ms, at_most)
}

fn drop_each(
    transaction: &Transaction<'_>,
    texts: &[&str],
    before_ms: i64,
    at_most: usize,
) -> rusqlite::Result<Vec<i64>> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let mut dropped = Vec::new();
    for text in texts {
        let mut statement = transaction.prepare_cached(text)?;
        for at_ms in statement.query_map((before_ms, at_most), |row| row.get(0))? {
            dropped.push(at_ms?);
        }
    }
    Ok(dropped)
}

/// Drops what was read of this partition, if it is of one of the topics that these events are read from.
pub fn drop_of(transaction: &Transaction<'_>, topic: Topic, partition: i32) -> rusqlite::Result<()> {
    match topic {
        // A partition of `matches` tells of the events of the same partition.
        Topic::Matches => transaction.execute("DELETE FROM unmatched WHERE partition = ?1", [partition])?,
        // It has one.
        Topic::Rejected => transaction.execute("DELETE FROM rejected", [])?,
        _ => 0,
    };
    Ok(())
}

fn position(partition: Option<i32>, offset: Option<i64>) -> Option<Position> {
    Some(Position { partition: partition?, offset: offset? })
}
