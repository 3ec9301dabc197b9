//! How far back what has ended is there in full, but for its age: what is dropped for that is hidden by it.

use aerogram_wire::Topic;
use rusqlite::{Connection, Transaction, params};

use super::TOPICS;

/// Between two notes that everything is read, in milliseconds.
const FOLLOWED_EVERY_MS: u64 = 60_000;

/// What has ended and was issued before may be gone because there was no room, in milliseconds since 1970.
pub fn whole_since_ms(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT whole_since_ms FROM reach")?.query_row([], |row| row.get(0))
}

/// What was issued before may be missing because the log did not go on where it was read, in milliseconds since 1970.
pub fn untold_until_ms(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT untold_until_ms FROM reach")?.query_row([], |row| row.get(0))
}

/// The later of both.
pub fn since_ms(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(whole_since_ms(connection)?.max(untold_until_ms(connection)?))
}

/// Something is dropped that was issued then.
pub fn gone(transaction: &Transaction<'_>, issued_at_ms: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE reach SET whole_since_ms = max(whole_since_ms, ?1)")?
        .execute([issued_at_ms.saturating_add(1)])?;
    Ok(())
}

/// What was issued before may be missing. That is not told any more, whichever partition it is of; what goes of the torn one is
/// found later ([`super::drop_torn`]).
pub fn untold(transaction: &Transaction<'_>, until_ms: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE reach SET untold_until_ms = max(untold_until_ms, ?1), is_swept = 0")?
        .execute([until_ms])?;
    Ok(())
}

/// Before when runs may have ended unseen, in milliseconds since 1970, for the partitions of the log of which that is to be looked
/// at.
pub fn torn(connection: &Connection) -> rusqlite::Result<Vec<(i32, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT partition, max(torn_ms) FROM positions, reach
         WHERE is_swept = 0 AND torn_ms > 0 AND topic IN (?1, ?2, ?3) GROUP BY partition",
    )?;
    let rows = statement.query_map(TOPICS.map(Topic::name), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// It was looked at.
pub fn swept(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE reach SET is_swept = 1")?.execute([])?;
    Ok(())
}

/// How often history was made anew since the file was opened.
pub fn generation(connection: &Connection) -> rusqlite::Result<u64> {
    let generation = connection
        .prepare_cached("SELECT generation FROM reach")?
        .query_row([], |row| row.get::<_, i64>(0))?;
    Ok(generation.cast_unsigned())
}

/// Nobody follows anything yet: they are counted from 0 on.
pub fn begin_generations(connection: &Connection) -> rusqlite::Result<()> {
    if generation(connection)? != 0 {
        connection.execute("UPDATE reach SET generation = 0", [])?;
    }
    Ok(())
}

/// What was in the log then is read, by this clock, and all positions in the file say so.
pub fn followed(connection: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    let known_ms: i64 =
        connection.prepare_cached("SELECT followed_ms FROM reach")?.query_row([], |row| row.get(0))?;
    if now_ms.abs_diff(known_ms) >= FOLLOWED_EVERY_MS {
        connection.prepare_cached("UPDATE reach SET followed_ms = ?1")?.execute([now_ms])?;
    }
    Ok(())
}

/// All runs go, another generation begins, and their topics are to be read from their beginnings. Where they were read up to, and
/// when, is kept until they are, for it tells what is missing then.
pub fn make_anew(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM deliveries", [])?;
    for topic in TOPICS {
        transaction.execute(
            "UPDATE positions SET left_at = coalesce(next_offset, left_at), next_offset = NULL, epoch = NULL, nonce = NULL
             WHERE topic = ?1",
            params![topic.name()],
        )?;
    }
    transaction.execute(
        "UPDATE reach SET left_ms = CASE WHEN followed_ms > 0 THEN followed_ms ELSE left_ms END, followed_ms = 0,
         generation = generation + 1, is_swept = 0",
        [],
    )?;
    Ok(())
}
