//! What records do to the rows.

use aerogram_domain::escalations::{Fault, State};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Resolution;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params};

use super::Row;
use super::query::code;

/// Escalations nobody has dealt with, by whose fault they are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Open {
    pub receiver: u64,
    pub platform: u64,
}

/// A repetition changes nothing.
pub fn insert(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    let none = Resolution::default();
    let resolution = row.resolution.as_ref().unwrap_or(&none);
    transaction
        .prepare_cached(
            "INSERT INTO escalations VALUES (:delivery_id, :run, :partition, :offset, :escalated_at_ms, :partner,
             :operator, :subscription_id, :event_type, :event_id, :subject, :environment, :reason, :last_outcome,
             :last_status, :attempts, :ours, :state, :kind, :by, :at, :why, :new_run) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":delivery_id": row.key.delivery_id,
            ":run": row.key.run.cast_signed(),
            ":partition": row.partition,
            ":offset": row.offset,
            ":escalated_at_ms": row.escalated_at_ms,
            ":partner": row.partner,
            ":operator": row.operator,
            ":subscription_id": row.subscription_id,
            ":event_type": row.event_type,
            ":event_id": row.event_id,
            ":subject": row.subject,
            ":environment": row.environment,
            ":reason": i32::from(row.reason),
            ":last_outcome": row.last_outcome.map(i32::from),
            ":last_status": row.last_status,
            ":attempts": row.attempts,
            ":ours": row.fault() == Fault::Platform,
            ":state": code(row.state()),
            ":kind": resolution.kind,
            ":by": resolution.actor,
            ":at": resolution.at_ms,
            ":why": resolution.why,
            ":new_run": resolution.run.cast_signed(),
        })?;
    Ok(())
}

/// Of a run that is not there, nothing.
pub fn resolve(transaction: &Transaction<'_>, key: RunKey, resolution: &Resolution) -> rusqlite::Result<()> {
    let run = key.run.cast_signed();
    let there = transaction
        .prepare_cached("SELECT * FROM escalations WHERE delivery_id = ?1 AND run = ?2")?
        .query_row(params![key.delivery_id, run], Row::read)
        .optional()?;
    if !there.is_some_and(|row| row.state().yields_to(resolution)) {
        return Ok(());
    }
    let mut update = transaction.prepare_cached(
        "UPDATE escalations SET state = ?3, resolution_kind = ?4, resolved_by = ?5, resolved_at_ms = ?6, why = ?7, new_run = ?8
         WHERE delivery_id = ?1 AND run = ?2",
    )?;
    let state = code(State::of(Some(resolution)));
    let Resolution { kind, actor, at_ms, why, run: new_run } = resolution;
    update.execute(params![key.delivery_id, run, state, kind, actor, at_ms, why, new_run.cast_signed()])?;
    Ok(())
}

/// The log holds nothing of the partition before this offset any more.
pub fn drop_before(transaction: &Transaction<'_>, partition: i32, offset: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM escalations WHERE partition = ?1 AND offset < ?2")?
        .execute(params![partition, offset])?;
    Ok(())
}

pub fn open(connection: &Connection) -> rusqlite::Result<Open> {
    let mut rows =
        connection.prepare_cached("SELECT rows FROM escalation_states WHERE state = ?1 AND ours = ?2")?;
    let mut count = |ours: bool| -> rusqlite::Result<u64> {
        let rows: Option<i64> =
            rows.query_row(params![code(State::Open), ours], |row| row.get(0)).optional()?;
        Ok(rows.unwrap_or(0).max(0).cast_unsigned())
    };
    Ok(Open { receiver: count(false)?, platform: count(true)? })
}
