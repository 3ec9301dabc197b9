//! What records and lines do to the rows. Each run is read once a transaction, folded in memory, and written once.

use std::collections::BTreeMap;

use aerogram_domain::history::Progress;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::Line;
use rusqlite::{OptionalExtension as _, ToSql, Transaction, named_params, params};

use super::hours::Added;
use super::issued::{About, Issued};
use super::kept::{self, Columns, PROGRESS};
use super::names::{Names, Numbers};
use super::place::tie;
use super::reach;
use super::tries::Tries;

/// The runs that a transaction changes, in the order in which they are looked up fastest.
pub struct Changes<'a> {
    runs: BTreeMap<RunKey, Run<'a>>,
    whole_since_ms: i64,
}

#[derive(Default)]
struct Run<'a> {
    /// The row's number; `None`: there is none yet.
    id: Option<i64>,
    /// Of the log: all that is told of the run stands in one.
    partition: i32,
    /// Whose it is and what it is about was known before.
    is_known: bool,
    /// The number of its subscription, if it was.
    subscription: i64,
    /// It is known now.
    about: Option<&'a About>,
    before: Progress,
    progress: Progress,
}

impl<'a> Changes<'a> {
    /// As these runs stand.
    pub fn load(
        transaction: &Transaction<'_>,
        keys: impl Iterator<Item = (RunKey, i32)>,
    ) -> rusqlite::Result<Self> {
        let of = |partition| Run { partition, ..Run::default() };
        let mut runs: BTreeMap<RunKey, Run<'a>> = keys.map(|(key, partition)| (key, of(partition))).collect();
        let text = format!(
            "SELECT {PROGRESS}, d.id, d.owner, d.subscription FROM deliveries d WHERE d.delivery_id = ?1 AND d.run = ?2"
        );
        let mut statement = transaction.prepare_cached(&text)?;
        for (key, run) in &mut runs {
            let read = |row: &rusqlite::Row<'_>| {
                let mut columns = Columns::of(row);
                let progress = kept::progress(&mut columns)?;
                Ok((columns.take()?, columns.take::<i64>()?, columns.take()?, progress))
            };
            let there = statement.query_row(params![key.delivery_id, key.run.cast_signed()], read);
            if let Some((id, owner, subscription, progress)) = there.optional()? {
                let before = progress.clone();
                let is_known = owner != 0;
                *run = Run { id: Some(id), is_known, subscription, before, progress, ..of(run.partition) };
            }
        }
        Ok(Self { runs, whole_since_ms: reach::whole_since_ms(transaction)? })
    }

    /// A record of the run was read.
    pub fn issued(&mut self, issued: &'a Issued) {
        let run = self.runs.entry(issued.key).or_default();
        if !run.is_known && run.about.is_none() {
            // Most likely it has ended and was dropped to make room: this would bring it back without its end.
            let is_gone = issued.record.waits.is_none() && issued.about.issued_at_ms < self.whole_since_ms;
            if is_gone && (run.progress == Progress::default() || run.progress.has_ended()) {
                return;
            }
            run.about = Some(&issued.about);
        }
        run.progress.record(&issued.record);
    }

    /// A line of the run was read.
    pub fn line(&mut self, key: RunKey, line: &Line, appended_at_ms: i64) {
        self.runs.entry(key).or_default().progress.apply(line, appended_at_ms);
    }

    /// An entry of the run left `pending`; of a run that is not there, nothing is known by that.
    pub fn left_pending(&mut self, key: PendingKey, appended_at_ms: i64) {
        let run = self.runs.get_mut(&key.run);
        if let Some(run) = run.filter(|run| run.id.is_some() || run.progress != Progress::default()) {
            run.progress.left_pending(key.seq, appended_at_ms);
        }
    }

    pub fn write(&self, transaction: &Transaction<'_>, names: &mut Names) -> rusqlite::Result<()> {
        let mut added = Added::default();
        for (key, run) in &self.runs {
            let numbers = match run.about {
                Some(about) => names.numbers(transaction, about)?,
                None => Numbers::default(),
            };
            match (run.id, run.about) {
                (None, _) if run.progress == Progress::default() => {}
                (None, about) => {
                    run.put(
                        transaction,
                        INSERT,
                        &[(":delivery_id", &key.delivery_id), (":partition", &run.partition)],
                        (*key, about, numbers),
                    )?;
                }
                (Some(id), Some(about)) => {
                    run.put(transaction, FILL, &[(":id", &id)], (*key, Some(about), numbers))?;
                }
                (Some(id), None) => run.update(transaction, id)?,
            }
            run.count(*key, numbers.subscription, &mut added);
        }
        added.write(transaction)
    }
}

const INSERT: &str = "INSERT INTO deliveries (delivery_id, run, partition, owner, subscription, kind, status, issued_at_ms, tie, event_id, subject,
     event_partition, event_offset, once, stage, settled, failed, attempts, attempts_made, tries, last_outcome, due_at_ms, reason,
     changed_at_ms)
     VALUES (:delivery_id, :run, :partition, :owner, :subscription, :kind, :status, :issued_at_ms, :tie, :event_id, :subject,
     :event_partition, :event_offset, :once, :stage, :settled, :failed, :attempts, :attempts_made, :tries, :last_outcome,
     :due_at_ms, :reason, :changed_at_ms)";
/// Of a run of which only lines were read so far.
const FILL: &str = "UPDATE deliveries SET run = :run, owner = :owner, subscription = :subscription, kind = :kind, status = :status,
     issued_at_ms = :issued_at_ms, tie = :tie, event_id = :event_id, subject = :subject, event_partition = :event_partition,
     event_offset = :event_offset, once = :once, stage = :stage, settled = :settled, failed = :failed, attempts = :attempts,
     attempts_made = :attempts_made, tries = :tries, last_outcome = :last_outcome, due_at_ms = :due_at_ms, reason = :reason, changed_at_ms = :changed_at_ms WHERE id = :id";

impl Run<'_> {
    /// Of a run whose subscription is not known nothing is counted until it is, and then all.
    fn count(&self, key: RunKey, subscription: i64, added: &mut Added) {
        match self.about {
            None if self.is_known => added.count(self.subscription, key, &self.before, &self.progress),
            None => {}
            Some(_) => added.count(subscription, key, &Progress::default(), &self.progress),
        }
    }

    fn put(
        &self,
        transaction: &Transaction<'_>,
        text: &str,
        which: &[(&str, &dyn ToSql)],
        (key, about, numbers): (RunKey, Option<&About>, Numbers),
    ) -> rusqlite::Result<()> {
        let progress = &self.progress;
        // Without a record the time of its lines says when it may go.
        let issued_at_ms = about.map_or(progress.changed_at_ms, |about| about.issued_at_ms);
        let (run, tie) = (key.run.cast_signed(), tie(key));
        let tries = Tries::of(progress);
        let (failed, attempts) = (kept::encode_failed(&progress.failed), kept::encode(&progress.attempts));
        let common = named_params! {
            ":run": run,
            ":owner": numbers.owner,
            ":subscription": numbers.subscription,
            ":kind": numbers.kind,
            ":status": kept::code(progress.status),
            ":issued_at_ms": issued_at_ms,
            ":tie": tie,
            ":event_id": about.map(|about| &about.event_id),
            ":subject": about.map(|about| &about.subject),
            ":event_partition": about.map_or(0, |about| about.event_position.partition),
            ":event_offset": about.map_or(0, |about| about.event_position.offset),
            ":once": about.is_some_and(|about| about.once),
            ":stage": progress.stage.number(),
            ":settled": progress.settled,
            ":failed": failed,
            ":attempts": attempts,
            ":attempts_made": progress.attempts_made,
            ":tries": tries.made,
            ":last_outcome": tries.last_outcome,
            ":due_at_ms": progress.due_at_ms,
            ":reason": i32::from(progress.reason),
            ":changed_at_ms": progress.changed_at_ms,
        };
        let all: Vec<(&str, &dyn ToSql)> = which.iter().chain(common).copied().collect();
        transaction.prepare_cached(text)?.execute(all.as_slice())?;
        Ok(())
    }

    /// What it is about stays. The indexes of lists are only touched when what they have of it is something else.
    fn update(&self, transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
        let progress = &self.progress;
        if *progress == self.before {
            return Ok(());
        }
        transaction
            .prepare_cached(
                "UPDATE deliveries SET stage = ?2, settled = ?3, failed = ?4, attempts = ?5, attempts_made = ?6, due_at_ms = ?7,
                 reason = ?8, changed_at_ms = ?9 WHERE id = ?1",
            )?
            .execute(params![
                id,
                progress.stage.number(),
                progress.settled,
                kept::encode_failed(&progress.failed),
                kept::encode(&progress.attempts),
                progress.attempts_made,
                progress.due_at_ms,
                i32::from(progress.reason),
                progress.changed_at_ms,
            ])?;
        let tries = Tries::of(progress);
        if progress.status != self.before.status || tries != Tries::of(&self.before) {
            transaction
                .prepare_cached(
                    "UPDATE deliveries SET status = ?2, tries = ?3, last_outcome = ?4 WHERE id = ?1",
                )?
                .execute(params![id, kept::code(progress.status), tries.made, tries.last_outcome])?;
        }
        Ok(())
    }
}
