//! One row, as it is read.

use aerogram_domain::history::Status;
use aerogram_domain::identity::Position;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Reason};
use rusqlite::Connection;

use super::issued::About;
use super::kept::{self, Columns, PROGRESS};
use super::place::DeliveryCursor;
use super::tries;

/// A run of a delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct DeliveryRow {
    pub key: RunKey,
    pub about: About,
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
        DeliveryCursor::of(self.key, self.about.issued_at_ms)
    }

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let mut columns = Columns::of(row);
        let progress = kept::progress(&mut columns)?;
        Ok(Self {
            key: RunKey { delivery_id: columns.take()?, run: columns.take::<i64>()?.cast_unsigned() },
            about: About {
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
            },
            status: progress.status,
            changed_at_ms: progress.changed_at_ms,
            due_at_ms: Some(progress.due_at_ms).filter(|due| *due > 0),
            reason: progress.reason,
            attempts_made: tries::made(&progress),
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
