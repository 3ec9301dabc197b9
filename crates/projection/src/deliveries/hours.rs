//! What became of a subscription's runs hour by hour, counted when it is written, so that nobody has to look at the runs to tell.

use std::collections::BTreeMap;

use aerogram_domain::history::{Answers, Failure, HOUR_MS, Hour, Hours, Progress, Success, count, hour_of};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Outcome;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params};

use super::kept::Columns;

/// Hours that are kept: those that are shown, the one under way among them, and one more for clocks that differ.
const KEPT_MS: i64 = 26 * HOUR_MS;

/// In the order in which they are written and go.
pub const TABLES: &str = "
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    escalated INTEGER NOT NULL,
    other INTEGER NOT NULL,
    failed_attempts INTEGER NOT NULL,
    answers BLOB NOT NULL,
    success_at_ms INTEGER,
    success_id BLOB,
    success_run INTEGER,
    failure_at_ms INTEGER,
    failure_id BLOB,
    failure_run INTEGER,
    failure_outcome INTEGER,
    failure_status INTEGER,
    PRIMARY KEY (hour, subscription)
) STRICT, WITHOUT ROWID;
";

/// What a transaction adds, by subscription.
#[derive(Default)]
pub struct Added(BTreeMap<i64, Hours>);

impl Added {
    /// What has happened to a run of a subscription between these two.
    pub fn count(&mut self, subscription: i64, key: RunKey, before: &Progress, after: &Progress) {
        count(self.0.entry(subscription).or_default(), key, before, after);
    }

    pub fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut put = transaction.prepare_cached(
            "INSERT OR REPLACE INTO hours VALUES (:hour, :subscription, :delivered, :escalated, :other, :failed_attempts,
             :answers, :success_at_ms, :success_id, :success_run, :failure_at_ms, :failure_id, :failure_run,
             :failure_outcome, :failure_status)",
        )?;
        let all = self
            .0
            .iter()
            .flat_map(|(subscription, hours)| hours.iter().map(move |hour| (subscription, hour)));
        for (subscription, (hour, added)) in all {
            let mut sum = find(transaction, *subscription, *hour)?.unwrap_or_default();
            sum.add(added);
            let (success, failure) = (sum.success, sum.failure);
            put.execute(named_params! {
                ":hour": hour,
                ":subscription": subscription,
                ":delivered": sum.delivered.cast_signed(),
                ":escalated": sum.escalated.cast_signed(),
                ":other": sum.other.cast_signed(),
                ":failed_attempts": sum.failed_attempts.cast_signed(),
                ":answers": sum.answers.encode(),
                ":success_at_ms": success.map(|success| success.at_ms),
                ":success_id": success.map(|success| success.key.delivery_id),
                ":success_run": success.map(|success| success.key.run.cast_signed()),
                ":failure_at_ms": failure.map(|failure| failure.at_ms),
                ":failure_id": failure.map(|failure| failure.key.delivery_id),
                ":failure_run": failure.map(|failure| failure.key.run.cast_signed()),
                ":failure_outcome": failure.map(|failure| i32::from(failure.outcome)),
                ":failure_status": failure.map(|failure| failure.status),
            } as &[(&str, &dyn ToSql)])?;
        }
        Ok(())
    }
}

/// What is known of an hour; `None`: nothing happened in it.
pub fn find(connection: &Connection, subscription: i64, hour: i64) -> rusqlite::Result<Option<Hour>> {
    connection
        .prepare_cached(
            "SELECT delivered, escalated, other, failed_attempts, answers, success_at_ms, success_id, success_run,
             failure_at_ms, failure_id, failure_run, failure_outcome, failure_status
             FROM hours WHERE hour = ?1 AND subscription = ?2",
        )?
        .query_row(params![hour, subscription], |row| read(&mut Columns::of(row)))
        .optional()
}

fn read(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Hour> {
    let mut number = || Ok::<_, rusqlite::Error>(columns.take::<i64>()?.max(0).cast_unsigned());
    let (delivered, escalated, other, failed_attempts) = (number()?, number()?, number()?, number()?);
    let answers = Answers::decode(&columns.take::<Vec<u8>>()?);
    let success = seen(columns)?.map(|(at_ms, key)| Success { at_ms, key });
    let failure = seen(columns)?;
    let outcome = Outcome::try_from(columns.take::<Option<i32>>()?.unwrap_or_default()).unwrap_or_default();
    let status = columns.take::<Option<u32>>()?.unwrap_or_default();
    let failure = failure.map(|(at_ms, key)| Failure { at_ms, key, outcome, status });
    Ok(Hour { delivered, escalated, other, failed_attempts, answers, success, failure })
}

/// When an attempt was made, and of what.
fn seen(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Option<(i64, RunKey)>> {
    let (at_ms, id, run): (Option<i64>, Option<_>, Option<i64>) =
        (columns.take()?, columns.take()?, columns.take()?);
    Ok(at_ms.zip(id).map(|(at_ms, delivery_id)| {
        (at_ms, RunKey { delivery_id, run: run.unwrap_or_default().cast_unsigned() })
    }))
}

/// Drops, at most so many, what is of hours that are over for so long that nobody is shown them.
pub fn drop_old(transaction: &Transaction<'_>, now_ms: i64, at_most: usize) -> rusqlite::Result<usize> {
    let before = hour_of(now_ms.saturating_sub(KEPT_MS));
    transaction
        .prepare_cached(
            "DELETE FROM hours WHERE (hour, subscription) IN
             (SELECT hour, subscription FROM hours WHERE hour < ?1 ORDER BY hour, subscription LIMIT ?2)",
        )?
        .execute(params![before, i64::try_from(at_most).unwrap_or(i64::MAX)])
}

/// All go, for they are counted anew.
pub fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM hours", [])?;
    Ok(())
}
