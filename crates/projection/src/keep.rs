//! Retention: by age, and by the size of the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use aerogram_telemetry::Said;
use rusqlite::Connection;

use crate::deliveries::{drop_old, drop_old_hours, drop_oldest, drop_torn, since_ms};
use crate::{Options, events};

/// Rows that are dropped in one transaction, at most, of each sort: what waits for the writer meanwhile waits no longer than
/// for a batch.
const SLICE: usize = 2_000;
/// For so long after its end a run stays, in milliseconds, but for half of its retention at most: a record of it that comes late
/// would bring it back without its end.
const SETTLED_MS: i64 = 600_000;

/// What was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kept {
    /// Rows.
    pub dropped: usize,
    /// There is more to drop.
    pub more: bool,
}

/// What may go, in milliseconds since 1970.
#[derive(Clone, Copy)]
pub struct Before {
    /// What has ended and was issued before.
    pub issued_ms: i64,
    /// And has ended before.
    pub settled_ms: i64,
    /// What the log does not hold any more.
    pub log_ms: i64,
}

/// Keeps history in bounds.
pub struct Keep {
    retention_ms: i64,
    log_retention_ms: i64,
    bytes_max: u64,
    since_ms: Arc<AtomicI64>,
    said: Said,
}

impl Keep {
    /// Tells there how far back everything is kept.
    pub fn new(options: &Options, since_ms: Arc<AtomicI64>) -> Self {
        let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        Self {
            retention_ms: ms(options.history_retention_ms),
            log_retention_ms: ms(options.log_retention_ms),
            bytes_max: options.history_bytes_max,
            since_ms,
            said: Said::default(),
        }
    }

    /// Drops a slice of what is too old, or else of what is too much.
    pub fn keep(&self, connection: &mut Connection, now_ms: i64) -> rusqlite::Result<Kept> {
        let transaction = connection.transaction()?;
        let before = Before {
            issued_ms: now_ms.saturating_sub(self.retention_ms),
            settled_ms: now_ms.saturating_sub(SETTLED_MS.min(self.retention_ms / 2)),
            log_ms: now_ms.saturating_sub(self.log_retention_ms),
        };
        // Whoever replays an event asks whether it repeats another one as long as it is there to be replayed.
        let old =
            drop_old(&transaction, before, SLICE)? + events::drop_before(&transaction, before.log_ms, SLICE)?;
        let old = old + drop_torn(&transaction, SLICE)? + drop_old_hours(&transaction, now_ms, SLICE)?;
        let old = old + events::drop_words_before(&transaction, before.issued_ms, SLICE)?;
        let is_full = used_bytes(&transaction)? > self.bytes_max;
        let dropped =
            if is_full && old == 0 { drop_oldest(&transaction, before.settled_ms, SLICE)? } else { 0 };
        let since_ms = since_ms(&transaction)?;
        transaction.commit()?;
        self.since_ms.store(since_ms, Ordering::SeqCst);
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
