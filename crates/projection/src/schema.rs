//! The tables that every projection has, and what the file stands on.

use std::time::Duration;

use aerogram_domain::history::Claims;
use aerogram_wire::Topic;
use rusqlite::{Connection, Transaction, params};

use crate::{Batch, ReadSoFar, deliveries, escalations, events};

/// Raised by every change of a table; a file of another version is made anew.
pub const VERSION: i64 = 5;
/// "Aero": whose file it is.
const APPLICATION_ID: i64 = 0x4165_726f;
/// Readers and the writer hardly ever meet; a checkpoint may take a moment.
const BUSY: Duration = Duration::from_secs(5);
/// Compiled statements a connection keeps.
const STATEMENTS_MAX: usize = 64;
/// Pages in memory, in KiB: rows of history are looked up by hashes, all over the file.
const WRITER_CACHE_KIB: i64 = 64 * 1_024;
const READER_CACHE_KIB: i64 = 8 * 1_024;
/// What is written beside the file before it is put into it, in pages: pages that change again and again are put there once.
const CHECKPOINT_PAGES: i64 = 8_192;

const TABLES: &str = "
CREATE TABLE stands_on (layout_id TEXT NOT NULL) STRICT;
CREATE TABLE positions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER,
    left_at INTEGER,
    epoch INTEGER,
    nonce INTEGER,
    torn_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
";

/// What a file says of itself.
pub enum StandsOn {
    /// It is new.
    Nothing,
    Schema(i64),
    NotOurs,
}

pub fn stands_on(connection: &Connection) -> rusqlite::Result<StandsOn> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (number("application_id")?, tables) {
        (APPLICATION_ID, _) => StandsOn::Schema(number("user_version")?),
        (0, 0) => StandsOn::Nothing,
        _ => StandsOn::NotOurs,
    })
}

/// Bytes that a database begins with: the header of its format.
pub const HEADER_BYTES: u64 = 100;

/// Whether a file that begins so is one of ours: what it is begins it, and whose it is stands at byte 68.
pub fn is_header_of_ours(header: &[u8]) -> bool {
    let id = header.get(68..72).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(i32::from_be_bytes);
    header.starts_with(b"SQLite format 3\0") && id.is_some_and(|id| i64::from(id) == APPLICATION_ID)
}

/// A power failure may cost the last transactions, which are read again; never a half of one.
pub fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "synchronous", "normal")
}

pub fn configure_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)
}

pub fn create(connection: &mut Connection, layout_id: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.execute_batch(TABLES)?;
    for tables in [escalations::TABLES, deliveries::TABLES, deliveries::HOURS, events::TABLES, events::WORDS]
    {
        transaction.execute_batch(tables)?;
    }
    transaction.execute("INSERT INTO stands_on (layout_id) VALUES (?1)", [layout_id])?;
    transaction.commit()
}

pub fn layout_id(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT layout_id FROM stands_on", [], |row| row.get(0))
}

/// The first thing that is wrong with the file; reads all of it.
pub fn first_hole(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

pub fn position(connection: &Connection, topic: Topic, partition: i32) -> rusqlite::Result<Option<i64>> {
    Ok(read_so_far(connection, topic, partition)?.next_offset)
}

/// How far a partition was read, and of which generation that is, as both stand at one moment.
pub fn read_so_far(connection: &Connection, topic: Topic, partition: i32) -> rusqlite::Result<ReadSoFar> {
    connection
        .prepare_cached(
            "SELECT next_offset, left_at, epoch, nonce,
             CASE WHEN topic IS NULL THEN 0 WHEN next_offset IS NULL THEN left_ms ELSE followed_ms END, generation
             FROM reach LEFT JOIN positions ON topic = ?1 AND partition = ?2",
        )?
        .query_row(params![topic.name(), partition], |row| {
            let nonce: Option<i64> = row.get(3)?;
            Ok(ReadSoFar {
                next_offset: row.get(0)?,
                left_at: row.get(1)?,
                claims: Claims { epoch: row.get(2)?, nonce: nonce.map(i64::cast_unsigned) },
                followed_ms: Some(row.get(4)?).filter(|at_ms: &i64| *at_ms > 0),
                generation: row.get::<_, i64>(5)?.cast_unsigned(),
            })
        })
}

pub fn set_position(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let Batch { topic, partition, next_offset, claims, untold_until_ms, .. } = batch;
    transaction
        .prepare_cached(
            "INSERT INTO positions (topic, partition, next_offset, epoch, nonce, torn_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset, left_at = NULL, epoch = excluded.epoch,
             nonce = excluded.nonce, torn_ms = max(torn_ms, excluded.torn_ms)",
        )?
        .execute(params![
            topic.name(),
            partition,
            next_offset,
            claims.epoch,
            claims.nonce.map(u64::cast_signed),
            untold_until_ms
        ])?;
    Ok(())
}
