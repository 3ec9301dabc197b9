//! Events that were accepted and that no delivery tells of.

use aerogram_domain::identity::Position;
use aerogram_wire::v1::EventReceipt;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params};

use super::place::EventCursor;
use super::words::{Named, Remembered};
use super::{EventQuery, position};
use crate::deliveries::Names;

/// An event that matched nothing, or that repeats another one.
#[derive(Clone, PartialEq, Debug)]
pub struct Unmatched {
    /// Where it stands in `events`.
    pub position: Position,
    /// The publisher's; empty in receipts of versions that did not say it.
    pub event_id: String,
    pub source: String,
    /// The publisher scope that vouched for it.
    pub scope: String,
    pub event_type: String,
    pub operator: String,
    pub contract: String,
    pub environment: String,
    pub subject: String,
    /// In milliseconds since 1970.
    pub accepted_at_ms: i64,
    /// Where the event stands that it repeats; `None`: it matched nothing.
    pub repeats: Option<Position>,
    /// By which it is searched for; none of what is read back.
    pub words: Vec<String>,
}

impl Unmatched {
    /// Of an entry of a receipt of this partition, which was appended then; `None`: deliveries tell of it.
    pub fn of(partition: i32, receipt: &EventReceipt, appended_at_ms: i64) -> Option<Self> {
        let at = Position { partition, offset: receipt.offset };
        let repeats = receipt.duplicate_of.as_ref();
        let repeats = repeats.map(|first| Position { partition: first.partition, offset: first.offset });
        let repeats = repeats.filter(|first| *first != at);
        if receipt.matches > 0 && repeats.is_none() {
            return None;
        }
        let name = receipt.name.clone().unwrap_or_default();
        let accepted_at_ms = if name.accepted_at_ms > 0 { name.accepted_at_ms } else { appended_at_ms };
        Some(Self {
            position: at,
            event_id: name.id,
            source: name.source,
            scope: name.scope,
            event_type: name.r#type,
            operator: name.operator,
            contract: name.contract,
            environment: name.environment,
            subject: name.subject,
            accepted_at_ms,
            repeats,
            words: name.words,
        })
    }

    /// The first receipt of a position counts.
    pub fn insert(
        &self,
        transaction: &Transaction<'_>,
        names: &mut Names,
        remembered: &mut Remembered,
    ) -> rusqlite::Result<()> {
        let Self { event_id, operator, words, .. } = self;
        let at = EventCursor { accepted_at_ms: self.accepted_at_ms, position: self.position };
        Named { at, operator, event_id, words }.insert(transaction, names, remembered)?;
        transaction
            .prepare_cached(
                "INSERT INTO unmatched (partition, offset, event_id, accepted_at_ms, source, scope, event_type, operator,
                 environment, contract, subject, repeats_partition, repeats_offset)
                 VALUES (:partition, :offset, :event_id, :accepted_at_ms, :source, :scope, :event_type, :operator,
                 :environment, :contract, :subject, :repeats_partition, :repeats_offset) ON CONFLICT DO NOTHING",
            )?
            .execute(named_params! {
                ":partition": self.position.partition,
                ":offset": self.position.offset,
                ":event_id": Some(&self.event_id).filter(|id| !id.is_empty()),
                ":accepted_at_ms": self.accepted_at_ms,
                ":source": self.source,
                ":scope": names.word(transaction, &self.scope)?,
                ":event_type": names.word(transaction, &self.event_type)?,
                ":operator": names.word(transaction, &self.operator)?,
                ":environment": names.word(transaction, &self.environment)?,
                ":contract": self.contract,
                ":subject": self.subject,
                ":repeats_partition": self.repeats.map(|first| first.partition),
                ":repeats_offset": self.repeats.map(|first| first.offset),
            })?;
        Ok(())
    }

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: Position { partition: row.get("partition")?, offset: row.get("offset")? },
            event_id: row.get::<_, Option<String>>("event_id")?.unwrap_or_default(),
            source: row.get("source")?,
            scope: row.get("scope_word")?,
            event_type: row.get("type_word")?,
            operator: row.get("operator_word")?,
            contract: row.get("contract")?,
            environment: row.get("environment_word")?,
            subject: row.get("subject")?,
            accepted_at_ms: row.get("accepted_at_ms")?,
            repeats: position(row.get("repeats_partition")?, row.get("repeats_offset")?),
            words: Vec::new(),
        })
    }
}

const SELECT: &str =
    "SELECT u.*, s.word AS scope_word, t.word AS type_word, o.word AS operator_word, e.word AS environment_word
     FROM unmatched u JOIN words s ON s.id = u.scope JOIN words t ON t.id = u.event_type
     JOIN words o ON o.id = u.operator JOIN words e ON e.id = u.environment";

/// The one that stands there.
pub fn at(connection: &Connection, at: Position) -> rusqlite::Result<Option<Unmatched>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE u.partition = ?1 AND u.offset = ?2"))?
        .query_row(params![at.partition, at.offset], Unmatched::read)
        .optional()
}

pub fn of_event(connection: &Connection, query: &EventQuery) -> rusqlite::Result<Vec<Unmatched>> {
    let EventQuery { event_id, operator, not_before_ms, limit } = query;
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE u.event_id = ?1 COLLATE NOCASE AND u.event_id = ?1 AND (?2 IS NULL OR o.word = ?2)
         AND u.accepted_at_ms >= ?3 ORDER BY u.accepted_at_ms, u.partition, u.offset LIMIT ?4"
    ))?;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    statement.query_map(params![event_id, operator, not_before_ms, limit], Unmatched::read)?.collect()
}

/// Whether the event at this position of `events` repeats another one.
pub fn is_repeat(connection: &Connection, at: Position) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM unmatched WHERE partition = ?1 AND offset = ?2 AND repeats_offset IS NOT NULL)",
        )?
        .query_row(params![at.partition, at.offset], |row| row.get(0))
}
