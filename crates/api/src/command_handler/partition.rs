//! The owner of one partition of `commands`.

use std::time::Duration;

use aerogram_domain::commands::partition::{Asked, Batch, Deactivated, NewRecord, PartitionState};
use aerogram_kafka::{Assignment, Committer, Item, OwnedOut, PartitionReader, Record, Stop, Stopping};
use aerogram_telemetry::names;
use aerogram_wire::Topic;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::transactor::{COMMANDS_MAX, Ended, Job};
use super::{HandlerError, Shared, takeover};
use crate::records::{self, Said};
use crate::submit::now_ms;

/// How often it is looked whether an idle partition should be committed.
const IDLE_COMMIT: Duration = Duration::from_secs(5);
/// First and longest wait before a batch is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(20);
const TRY_AGAIN_MAX: Duration = Duration::from_secs(1);
/// After a rebalance the next try has the new generation. Refused for longer than this, it is not that.
const FENCED_MAX: Duration = Duration::from_secs(3);

/// Runs the owner until its partition is taken away.
///
/// # Errors
/// When a record can't be read or understood, or transactions are refused.
pub(super) async fn run(assignment: Assignment, shared: &Shared) -> Result<(), HandlerError> {
    let Assignment { topic, partition, committed, reader, committer, mut stop } = assignment;
    let state = tokio::select! {
        state = takeover::fold(&shared.ends, &shared.companions, partition) => state?,
        // Nothing is in flight yet, so there is nothing to drain.
        _ = stop.changed() => return Ok(()),
    };
    let _counted = shared.owned.one_more(partition);
    let committed = committed.map_or(0, |c| c.offset);
    let mut idle = interval_at(Instant::now() + IDLE_COMMIT, IDLE_COMMIT);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let owner = Owner {
        topic,
        partition,
        reader,
        committer,
        stop,
        shared,
        state,
        next: committed,
        committed,
        end: None,
        behind: true,
        idle,
    };
    owner.run().await
}

struct Owner<'a> {
    topic: String,
    partition: i32,
    reader: PartitionReader,
    committer: Committer,
    stop: Stop,
    shared: &'a Shared,
    state: PartitionState,
    /// The next offset to be read.
    next: i64,
    committed: i64,
    /// An end that was asked for before the reader was made to say whether it is there.
    end: Option<i64>,
    /// The committed offset may lie before the end.
    behind: bool,
    idle: Interval,
}

impl Owner<'_> {
    async fn run(mut self) -> Result<(), HandlerError> {
        loop {
            tokio::select! {
                biased;
                // The batch before has been finished, so nothing is in flight.
                _ = self.stop.changed() => return Ok(()),
                item = self.reader.next() => {
                    let mut commands = Vec::new();
                    self.take(item?, &mut commands)?;
                    self.take_what_is_there(&mut commands)?;
                    if !commands.is_empty() && !self.carry_out(&commands).await? {
                        return Ok(());
                    }
                    self.commit_end().await;
                }
                _ = self.idle.tick() => self.look_for_end().await?,
            }
        }
    }

    fn take_what_is_there(&mut self, commands: &mut Vec<Asked>) -> Result<(), HandlerError> {
        // Results are read as well, so what is looked at is limited, not only what is taken.
        for _ in 0..2 * COMMANDS_MAX {
            if commands.len() == COMMANDS_MAX {
                break;
            }
            let Some(item) = self.reader.try_next()? else { break };
            self.take(item, commands)?;
        }
        Ok(())
    }

    fn take(&mut self, item: Item, commands: &mut Vec<Asked>) -> Result<(), HandlerError> {
        match item {
            Item::Record(record) => {
                commands.extend(self.command_in(&record)?);
                self.behind = true;
                self.next = record.offset + 1;
            }
            Item::End => {
                if let Some(end) = self.end {
                    self.next = self.next.max(end);
                }
            }
        }
        Ok(())
    }

    /// Results are ours, or a former owner's, who told them in the log that was folded.
    fn command_in(&self, record: &Record) -> Result<Option<Asked>, HandlerError> {
        match records::command(self.partition, record)? {
            Said::Command(asked) => Ok(Some(asked)),
            Said::Result { .. } => Ok(None),
        }
    }

    /// Decides the commands and writes states and results; `false`: the partition is given up. What was decided is
    /// forgotten when the transaction is aborted, and decided again.
    async fn carry_out(&mut self, commands: &[Asked]) -> Result<bool, HandlerError> {
        let mut pause = TRY_AGAIN;
        let mut fenced_since = None;
        loop {
            let now_ms = now_ms();
            let batch = self.state.decide(commands, now_ms);
            let job = self.job(commands.len(), &batch);
            let reason = match self.shared.transactor.write(job).await {
                Ended::Committed => {
                    count(&batch);
                    self.state.committed(batch, now_ms);
                    self.committed = self.next;
                    return Ok(true);
                }
                Ended::Aborted(reason) => {
                    fenced_since = None;
                    reason
                }
                Ended::Fenced(reason) => {
                    let since = *fenced_since.get_or_insert_with(Instant::now);
                    if self.stop.now() == Stopping::No && since.elapsed() > FENCED_MAX {
                        return Err(HandlerError::Refused(reason));
                    }
                    reason
                }
                Ended::Broken(reason) => return Err(HandlerError::Refused(reason)),
            };
            if self.stop.now() != Stopping::No {
                // The next owner decides them.
                tracing::info!(
                    partition = self.partition,
                    commands = commands.len(),
                    "given up undecided: {reason}"
                );
                return Ok(false);
            }
            tracing::warn!(partition = self.partition, "a transaction is tried again: {reason}");
            sleep(pause).await;
            pause = (pause * 2).min(TRY_AGAIN_MAX);
        }
    }

    fn job(&self, commands: usize, batch: &Batch) -> Job {
        let record = |record: &NewRecord| OwnedOut {
            topic: record.topic,
            partition: self.partition,
            key: Some(record.key.clone()),
            payload: Some(record.payload.clone()),
            headers: Vec::new(),
        };
        Job {
            commands,
            records: batch.records.iter().map(record).collect(),
            topic: self.topic.clone(),
            partition: self.partition,
            next_offset: self.next,
            committer: self.committer.clone(),
        }
    }

    /// Transactions commit the offset after the last command; its result and the transaction's marker lie behind that.
    /// When retention removes them from an idle partition, the committed offset would no longer exist. So the very end is
    /// committed once in a while: asked for first, then the reader is made to say that it got there.
    async fn look_for_end(&mut self) -> Result<(), HandlerError> {
        if !self.behind {
            return Ok(());
        }
        let partitions = [self.partition];
        let end = tokio::select! {
            ends = self.shared.ends.last_stable(Topic::Commands, &partitions) => ends?.first().copied(),
            // Kafka is away: later.
            () = sleep(TRY_AGAIN_MAX) => None,
        };
        match end {
            Some(end) if end > self.committed => {
                self.reader.seek(self.next).await?;
                self.end = Some(end);
            }
            Some(_) => self.behind = false,
            None => {}
        }
        Ok(())
    }

    /// A commit that fails is made up for by the next one.
    async fn commit_end(&mut self) {
        let Some(end) = self.end.filter(|end| self.next >= *end) else { return };
        self.end = None;
        if self.committed < end
            && let Err(error) = self.committer.commit(end, "").await
        {
            tracing::debug!(partition = self.partition, "the end was not committed: {error}");
            return;
        }
        self.committed = self.committed.max(end);
        self.behind = self.next > self.committed;
    }
}

fn count(batch: &Batch) {
    for outcome in &batch.outcomes {
        metrics::counter!(names::COMMANDS_TOTAL, "outcome" => *outcome).increment(1);
    }
    for Deactivated { subscription_id, gave_up, status_reason } in &batch.deactivated {
        let reason = if *gave_up { "gave_up" } else { "gone" };
        metrics::counter!(names::SUBSCRIPTIONS_DEACTIVATED_TOTAL, "reason" => reason).increment(1);
        tracing::warn!(
            subscription = subscription_id,
            reason,
            "a subscription was made inactive: {status_reason}"
        );
    }
}
