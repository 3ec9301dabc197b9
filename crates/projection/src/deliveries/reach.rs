//! How far back what has ended is there in full, for its size alone: what is dropped for its age is hidden by its age.

use rusqlite::{Connection, Transaction};

/// What has ended and was issued before may be gone, in milliseconds since 1970.
pub fn whole_since_ms(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT whole_since_ms FROM reach")?.query_row([], |row| row.get(0))
}

/// Something is dropped that was issued then.
pub fn gone(transaction: &Transaction<'_>, issued_at_ms: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE reach SET whole_since_ms = max(whole_since_ms, ?1)")?
        .execute([issued_at_ms.saturating_add(1)])?;
    Ok(())
}
