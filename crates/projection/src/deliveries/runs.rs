//! All runs of a delivery, as far as it matters for sending it again.

use std::collections::HashMap;

use aerogram_domain::history::Status;
use aerogram_domain::repair::KnownRun;
use aerogram_wire::key::{DeliveryId, RunKey};
use rusqlite::{Connection, params};

use super::kept::{FINAL_FROM, code};

/// Runs of one delivery that are told of. Those that are under way come first, then the newest.
const RUNS_MAX: i64 = 200;

/// The runs of these deliveries; whatever their age, as long as they are there.
pub fn runs_of(
    view: &Connection,
    deliveries: &[DeliveryId],
) -> rusqlite::Result<HashMap<DeliveryId, Vec<KnownRun>>> {
    let mut statement = view.prepare_cached(
        "SELECT run, issued_at_ms, status FROM deliveries WHERE delivery_id = ?1 AND owner <> 0
         ORDER BY status >= ?2, issued_at_ms DESC LIMIT ?3",
    )?;
    let mut runs = HashMap::with_capacity(deliveries.len());
    for delivery_id in deliveries.iter().copied() {
        let read = |row: &rusqlite::Row<'_>| {
            let (run, stands): (i64, i64) = (row.get(0)?, row.get(2)?);
            let status = Status::ALL.into_iter().find(|status| code(*status) == stands);
            Ok(KnownRun {
                key: RunKey { delivery_id, run: run.cast_unsigned() },
                issued_at_ms: row.get(1)?,
                status: status.ok_or(rusqlite::Error::IntegralValueOutOfRange(2, stands))?,
            })
        };
        let of_one: rusqlite::Result<_> =
            statement.query_map(params![delivery_id, FINAL_FROM, RUNS_MAX], read)?.collect();
        runs.insert(delivery_id, of_one?);
    }
    Ok(runs)
}
