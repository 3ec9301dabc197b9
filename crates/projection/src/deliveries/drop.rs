//! What is kept no longer.

use aerogram_domain::history::{Stage, Status};
use rusqlite::{Transaction, params};

use super::find::{Found, find_all};
use super::kept::code;
use super::query::DeliveryQuery;
use super::reach;
use crate::events;
use crate::keep::Before;

/// Rows of runs that only lines are known of.
const NOBODY: i64 = 0;

/// Drops, at most so many: runs that were issued before and ended before, not just now; and of what the log does not hold any
/// more, those of which only lines are known, and those that were under way.
pub fn drop_old(transaction: &Transaction<'_>, before: Before, at_most: usize) -> rusqlite::Result<usize> {
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
            let issued_before_ms = if by_end { before.issued_ms } else { before.log_ms };
            let mut rows = rows.query(params![owner, code(status), issued_before_ms])?;
            while old.len() < at_most
                && let Some(row) = rows.next()?
            {
                let (stage, changed_at_ms): (i64, i64) = (row.get(1)?, row.get(2)?);
                let is_left = owner == NOBODY || Stage::from_number(stage).is_under_way();
                let changed_before_ms = if by_end { before.settled_ms } else { before.log_ms };
                if (by_end || is_left) && changed_at_ms < changed_before_ms {
                    old.push(row.get(0)?);
                }
            }
        }
    }
    drop_all(transaction, &old)
}

/// Drops, at most so many: runs of partitions whose log was torn that were under way then, for how they ended may have been in
/// what is gone. Of the other partitions every line is there. Looks once at each tear, and whenever history was made anew.
pub fn drop_torn(transaction: &Transaction<'_>, at_most: usize) -> rusqlite::Result<usize> {
    let torn = reach::torn(transaction)?;
    if torn.is_empty() {
        return Ok(0);
    }
    let mut owners = transaction.prepare_cached("SELECT id FROM owners")?;
    let owners: Vec<i64> = owners.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut rows = transaction.prepare_cached(
        "SELECT id, stage FROM deliveries INDEXED BY deliveries_by_owner
         WHERE owner = ?1 AND status = ?2 AND issued_at_ms < ?3 AND partition = ?4 AND changed_at_ms < ?3",
    )?;
    let mut left = Vec::new();
    for (partition, before_ms) in torn {
        for owner in &owners {
            for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
                let mut rows = rows.query(params![owner, code(status), before_ms, partition])?;
                while left.len() < at_most
                    && let Some(row) = rows.next()?
                {
                    // What waits in `pending` is there.
                    if Stage::from_number(row.get(1)?).is_under_way() {
                        left.push(row.get(0)?);
                    }
                }
            }
        }
    }
    if left.len() < at_most {
        reach::swept(transaction)?;
    }
    drop_all(transaction, &left)
}

/// Makes room: drops the oldest runs that have ended, not just now, and events that are older than these but repeat none, at most
/// so many of each. Without such runs nothing goes.
pub fn drop_oldest(
    transaction: &Transaction<'_>,
    settled_before_ms: i64,
    at_most: usize,
) -> rusqlite::Result<usize> {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
    let query = DeliveryQuery { statuses: ended, ascending: true, ..DeliveryQuery::default() };
    let mut changed = transaction.prepare_cached("SELECT changed_at_ms FROM deliveries WHERE id = ?1")?;
    let mut oldest: Vec<Found> = Vec::new();
    for found in find_all(transaction, &query, at_most)? {
        if changed.query_row([found.id], |row| row.get::<_, i64>(0))? < settled_before_ms {
            oldest.push(found);
        }
    }
    let Some(last) = oldest.last().map(|last| last.at.issued_at_ms) else { return Ok(0) };
    let events = events::drop_oldest(transaction, last, at_most)?;
    if let Some(newest) = events.iter().max() {
        reach::gone(transaction, *newest)?;
    }
    // So many are older that it is not their turn.
    if events.len() >= at_most {
        return Ok(events.len());
    }
    reach::gone(transaction, last)?;
    let oldest: Vec<i64> = oldest.iter().map(|found| found.id).collect();
    Ok(events.len() + drop_all(transaction, &oldest)?)
}

fn drop_all(transaction: &Transaction<'_>, ids: &[i64]) -> rusqlite::Result<usize> {
    let mut drop = transaction.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?;
    for id in ids {
        drop.execute([id])?;
    }
    Ok(ids.len())
}
