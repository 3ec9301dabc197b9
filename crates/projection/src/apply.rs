//! Applying batches: rows and positions in one transaction.

use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::deliveries::{Changes, Names};
use crate::{Applied, Batch, Change, deliveries, escalations, events, schema};

/// Applies batches.
pub struct Applying {
    cap: escalations::Cap,
    names: Names,
    worded: events::Remembered,
}

impl Applying {
    /// At most so many escalations.
    pub fn new(escalations_max: u64) -> Self {
        let cap = escalations::Cap::new(escalations_max);
        Self { cap, names: Names::default(), worded: events::Remembered::default() }
    }

    /// Forgets the runs, unless they are of another generation than this; see [`deliveries::make_anew`].
    pub fn make_anew(&mut self, connection: &mut Connection, generation: u64) -> rusqlite::Result<()> {
        // At once: who has begun to read does not wait for its turn to write.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if deliveries::generation(&transaction)? == generation {
            deliveries::make_anew(&transaction)?;
            deliveries::forget_hours(&transaction)?;
        }
        transaction.commit()
    }

    /// All of them or none.
    pub fn apply(&mut self, connection: &mut Connection, batches: &[Batch]) -> rusqlite::Result<Applied> {
        let applied = self.transact(connection, batches);
        if applied.is_err() {
            self.names = Names::default();
            self.worded = events::Remembered::default();
        }
        applied
    }

    fn transact(&mut self, connection: &mut Connection, batches: &[Batch]) -> rusqlite::Result<Applied> {
        let transaction = connection.transaction()?;
        let changes =
            batches.iter().flat_map(|batch| batch.changes.iter().map(|change| (batch.partition, change)));
        let keys = changes.filter_map(|(partition, change)| Some((run_of(change)?, partition)));
        let mut runs = Changes::load(&transaction, keys)?;
        for batch in batches {
            if batch.topic == Topic::Escalations && batch.begins_at > 0 {
                escalations::drop_before(&transaction, batch.partition, batch.begins_at)?;
            }
            if batch.begins_at == i64::MAX {
                events::drop_of(&transaction, batch.topic, batch.partition)?;
            }
            for change in &batch.changes {
                self.change(&transaction, &mut runs, change)?;
            }
            if batch.untold_until_ms > 0 {
                deliveries::untold(&transaction, batch.untold_until_ms)?;
            }
            schema::set_position(&transaction, batch)?;
        }
        runs.write(&transaction, &mut self.names)?;
        let dropped = self.cap.keep(&transaction)?;
        let open = escalations::open(&transaction)?;
        transaction.commit()?;
        self.cap.say(dropped);
        Ok(Applied { open })
    }

    fn change<'a>(
        &mut self,
        transaction: &Transaction<'_>,
        runs: &mut deliveries::Changes<'a>,
        change: &'a Change,
    ) -> rusqlite::Result<()> {
        match change {
            Change::Escalated(row) => escalations::insert(transaction, row)?,
            Change::Resolved { key, resolution } => escalations::resolve(transaction, *key, resolution)?,
            Change::Issued(issued) => {
                issued.named().insert(transaction, &mut self.names, &mut self.worded)?;
                runs.issued(issued);
            }
            Change::Line { key, line, appended_at_ms } => runs.line(*key, line, *appended_at_ms),
            Change::LeftPending { key, appended_at_ms } => runs.left_pending(*key, *appended_at_ms),
            Change::Unmatched(event) => event.insert(transaction, &mut self.names, &mut self.worded)?,
            Change::Rejected(event) => event.insert(transaction)?,
            Change::RejectedSettled { offset } => events::settle(transaction, *offset)?,
        }
        Ok(())
    }
}

/// The run whose row a change needs.
fn run_of(change: &Change) -> Option<RunKey> {
    match change {
        Change::Issued(issued) => Some(issued.key),
        Change::Line { key, .. } => Some(*key),
        Change::LeftPending { key, .. } => Some(key.run),
        _ => None,
    }
}
