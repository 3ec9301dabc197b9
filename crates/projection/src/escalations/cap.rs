//! At most so many rows.

use std::time::Instant;

use aerogram_domain::escalations::State;
use aerogram_telemetry::Said;
use rusqlite::{Transaction, params};

use super::query::code;

/// Keeps the number of rows in bounds.
pub struct Cap {
    rows_max: i64,
    said: Said,
}

impl Cap {
    pub fn new(rows_max: u64) -> Self {
        Self { rows_max: i64::try_from(rows_max).unwrap_or(i64::MAX), said: Said::default() }
    }

    /// Drops what is too much: what people have dealt with first, and the oldest of it. Answers how many rows that were.
    pub fn keep(&self, transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
        let rows: i64 = transaction
            .prepare_cached("SELECT coalesce(sum(rows), 0) FROM escalation_states")?
            .query_row([], |row| row.get(0))?;
        if rows <= self.rows_max {
            return Ok(0);
        }
        // Looking for the oldest takes long, so some room is made at once.
        let excess = rows - self.rows_max + self.rows_max / 100;
        let resolved = transaction
            .prepare_cached(
                "DELETE FROM escalations WHERE (delivery_id, run) IN (
                     SELECT delivery_id, run FROM escalations WHERE state <> ?1 ORDER BY escalated_at_ms, delivery_id, run LIMIT ?2)",
            )?
            .execute(params![code(State::Open), excess])?;
        let oldest = transaction
            .prepare_cached(
                "DELETE FROM escalations WHERE (delivery_id, run) IN (
                     SELECT delivery_id, run FROM escalations ORDER BY escalated_at_ms, delivery_id, run LIMIT ?1)",
            )?
            .execute([excess - i64::try_from(resolved).unwrap_or(excess)])?;
        Ok(resolved + oldest)
    }

    /// Says what was dropped, now and then.
    pub fn say(&self, dropped: usize) {
        if dropped == 0 {
            return;
        }
        if let Some(unsaid) = self.said.may_say("cap", Instant::now()) {
            tracing::warn!(
                dropped,
                times_unsaid = unsaid,
                escalations_max = self.rows_max,
                "there are more escalations than are kept for the list; the oldest are out of it, those that were dealt with \
                 first (api.escalations_max)"
            );
        }
    }
}
