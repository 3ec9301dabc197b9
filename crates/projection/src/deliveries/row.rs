//! One row, as it is read.

use aerogram_domain::history::Status;
use aerogram_domain::identity::Position;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Reason};
use rusqlite::{Connection, params};

use super::kept::{self, Columns, PROGRESS};
use super::place::DeliveryCursor;

/// A run of a delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct DeliveryRow {
    pub key: RunKey,
    pub partner: String,
    pub operator: String,
    pub subscription_id: String,
    pub event_type: String,
    pub event_id: String,
    pub subject: String,
    pub environment: String,
    /// Where the event stands in `events`.
    pub event_position: Position,
    /// When the run was asked for, in milliseconds since 1970; of the live run, when its event was accepted.
    pub issued_at_ms: i64,
    /// A test event: one attempt, whatever comes of it.
    pub once: bool,
    pub status: Status,
    /// Since when it stands so.
    pub changed_at_ms: i64,
    /// When the next attempt is due; `None`: that is not said.
    pub due_at_ms: Option<i64>,
    /// Why it ended so; `Unspecified`: there is nothing to say.
    pub reason: Reason,
    /// Attempts that were made; `attempts` leaves some out past its cap.
    pub attempts_made: u32,
    /// Of these, those that count: our own faults do not. The next one has the number after it.
    pub attempts_counted: u32,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

impl DeliveryRow {
    /// Its place in lists.
    pub fn cursor(&self) -> DeliveryCursor {
        DeliveryCursor::of(self.key, self.issued_at_ms)
    }

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let mut columns = Columns::of(row);
        let progress = kept::progress(&mut columns)?;
        let made = u32::try_from(progress.attempts.len()).unwrap_or(u32::MAX);
        Ok(Self {
            key: RunKey { delivery_id: columns.take()?, run: columns.take::<i64>()?.cast_unsigned() },
            partner: columns.take()?,
            operator: columns.take()?,
            subscription_id: columns.take()?,
            event_type: columns.take()?,
            event_id: columns.take()?,
            subject: columns.take()?,
            environment: columns.take()?,
            event_position: Position { partition: columns.take()?, offset: columns.take()? },
            issued_at_ms: columns.take()?,
            once: columns.take()?,
            status: progress.status,
            changed_at_ms: progress.changed_at_ms,
            due_at_ms: Some(progress.due_at_ms).filter(|due| *due > 0),
            reason: progress.reason,
            attempts_made: progress.attempts_made.max(made),
            attempts_counted: progress.attempts_made,
            attempts: progress.attempts,
        })
    }
}

/// What [`DeliveryRow::read`] reads, of the rows for which this holds.
pub(super) fn select(condition: &str) -> String {
    format!(
        "SELECT {PROGRESS}, d.delivery_id, d.run, o.partner, o.operator, s.name, k.event_type, d.event_id, d.subject,
         k.environment, d.event_partition, d.event_offset, d.issued_at_ms, d.once
         FROM deliveries d JOIN owners o ON o.id = d.owner JOIN subscriptions s ON s.id = d.subscription
         JOIN kinds k ON k.id = d.kind WHERE {condition}"
    )
}

/// These rows, in this order.
pub(super) fn by_ids(
    connection: &Connection,
    ids: impl Iterator<Item = i64>,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    let mut statement = connection.prepare_cached(&select("d.id = ?1"))?;
    ids.map(|id| statement.query_row([id], DeliveryRow::read)).collect()
}

/// Deliveries of events with this id, oldest first, at most so many.
pub fn of_event(
    connection: &Connection,
    event_id: &str,
    operator: Option<&str>,
    not_before_ms: i64,
    limit: usize,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    let text = select(
        "d.event_id = ?1 AND (?2 IS NULL OR o.operator = ?2) AND (d.status < ?3 OR d.issued_at_ms >= ?4)
         ORDER BY d.issued_at_ms, d.tie LIMIT ?5",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement
        .query_map(params![event_id, operator, kept::FINAL_FROM, not_before_ms, limit], DeliveryRow::read)?;
    rows.collect()
}
