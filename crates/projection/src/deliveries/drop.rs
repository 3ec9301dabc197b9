//! What is kept no longer.

use aerogram_domain::history::{Stage, Status};
use rusqlite::{Transaction, params};

use super::find::find_all;
use super::kept::code;
use super::query::DeliveryQuery;
use crate::events;

/// Rows of runs that only lines are known of.
const NOBODY: i64 = 0;

/// Drops, at most so many: runs that have ended and were issued before; and of what the log does not hold any more, those of
/// which only lines are known, and those that were under way.
pub fn drop_old(
    transaction: &Transaction<'_>,
    before_ms: i64,
    log_before_ms: i64,
    at_most: usize,
) -> rusqlite::Result<usize> {
    let mut owners = transaction.prepare_cached("SELECT id FROM owners")?;
    let owners: rusqlite::Result<Vec<i64>> = owners.query_map([], |row| row.get(0))?.collect();
    let mut old = Vec::new();
    let mut rows = transaction.prepare_cached(
        "SELECT id, stage, changed_at_ms FROM deliveries INDEXED BY deliveries_by_owner
         WHERE owner = ?1 AND status = ?2 AND issued_at_ms < ?3 ORDER BY issued_at_ms",
    )?;
    for owner in std::iter::once(NOBODY).chain(owners?) {
        for status in Status::ALL {
            let by_end = status.is_final() && owner != NOBODY;
            let before_ms = if by_end { before_ms } else { log_before_ms };
            let mut rows = rows.query(params![owner, code(status), before_ms])?;
            while old.len() < at_most
                && let Some(row) = rows.next()?
            {
                let (stage, changed_at_ms): (i64, i64) = (row.get(1)?, row.get(2)?);
                let is_left = owner == NOBODY || Stage::from_number(stage).is_under_way();
                if by_end || (is_left && changed_at_ms < log_before_ms) {
                    old.push(row.get(0)?);
                }
            }
        }
    }
    drop_all(transaction, &old)
}

/// Makes room: drops the oldest runs that have ended, and events that are older than these, at most so many of each.
pub fn drop_oldest(transaction: &Transaction<'_>, at_most: usize) -> rusqlite::Result<usize> {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
    let query = DeliveryQuery { statuses: ended, ascending: true, ..DeliveryQuery::default() };
    let oldest = find_all(transaction, &query, at_most)?;
    let before_ms = oldest.last().map_or(i64::MAX, |last| last.at.issued_at_ms);
    let events = events::drop_before(transaction, before_ms, at_most)?;
    // So many are older that it is not their turn.
    if events >= at_most {
        return Ok(events);
    }
    let oldest: Vec<i64> = oldest.iter().map(|found| found.id).collect();
    Ok(events + drop_all(transaction, &oldest)?)
}

fn drop_all(transaction: &Transaction<'_>, ids: &[i64]) -> rusqlite::Result<usize> {
    let mut drop = transaction.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?;
    for id in ids {
        drop.execute([id])?;
    }
    Ok(ids.len())
}
