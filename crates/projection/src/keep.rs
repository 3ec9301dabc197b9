//! Retention: by age, and by the size of the file.

use std::time::Instant;

use aerogram_telemetry::Said;
use rusqlite::Connection;

use crate::deliveries::{drop_old, drop_oldest};
use crate::{Options, events};

/// Rows that are dropped in one transaction, at most, of each sort: what waits for the writer meanwhile waits no longer than
/// for a batch.
const SLICE: usize = 2_000;

/// What was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kept {
    /// Rows.
    pub dropped: usize,
    /// There is more to drop.
    pub more: bool,
}

/// Keeps history in bounds.
pub struct Keep {
    retention_ms: i64,
    log_retention_ms: i64,
    bytes_max: u64,
    said: Said,
}

impl Keep {
    pub fn new(options: &Options) -> Self {
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Self {
            retention_ms: ms(options.history_retention_ms),
            log_retention_ms: ms(options.log_retention_ms),
            bytes_max: options.history_bytes_max,
            said: Said::default(),
        }
    }

    /// Drops a slice of what is too old, or else of what is too much.
    pub fn keep(&self, connection: &mut Connection, now_ms: i64) -> rusqlite::Result<Kept> {
        let transaction = connection.transaction()?;
        let before_ms = now_ms.saturating_sub(self.retention_ms);
        let log_before_ms = now_ms.saturating_sub(self.log_retention_ms);
        // Whoever replays an event asks whether it repeats another one as long as it is there to be replayed.
        let old = drop_old(&transaction, before_ms, log_before_ms, SLICE)?
            + events::drop_before(&transaction, log_before_ms, SLICE)?;
        let is_full = used_bytes(&transaction)? > self.bytes_max;
        let dropped = if is_full && old == 0 { drop_oldest(&transaction, SLICE)? } else { 0 };
        transaction.commit()?;
        if dropped > 0 {
            self.say(dropped);
        }
        Ok(Kept { dropped: old + dropped, more: old >= SLICE || (is_full && old + dropped > 0) })
    }

    fn say(&self, dropped: usize) {
        if let Some(unsaid) = self.said.may_say("room", Instant::now()) {
            tracing::warn!(
                dropped,
                times_unsaid = unsaid,
                history_bytes_max = self.bytes_max,
                "the history of deliveries is larger than it may be; the oldest that have ended are out of it \
                 (api.history_bytes_max, api.history_retention_ms)"
            );
        }
    }
}

/// Bytes of the file that hold something.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).max(0).cast_unsigned())
}
