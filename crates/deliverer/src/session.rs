//! One ownership of one partition, from its claim to its end: reads three topics, feeds the decisions, carries out what
//! they say.

use crate::begin::Begin;
use crate::carry_out::Carrier;
use crate::parts::Parts;
use crate::top::Shown;
use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{Action, Partition, Resume};
use aerogram_kafka::{
    Assignment, Failure, From, Item, PartitionReader, ReadError, Record, Stopping, Unreadable,
};
use aerogram_telemetry::Condition;
use aerogram_wire::v1::{AttemptsRecord, Delivery, SubscriptionRecord};
use aerogram_wire::{Topic, Versioned};
use std::sync::Arc;

/// Records taken of one topic before the others have their turn.
const TURN_MAX: usize = 256;

/// How an ownership ended.
pub enum Ended {
    /// Revoked, drained or lost.
    Stopped,
    /// To be proved and begun anew.
    Again(Begin),
    Failed(Failure),
}

pub struct Session<'a> {
    parts: &'a Arc<Parts>,
    assignment: &'a mut Assignment,
    condition: &'a Condition,
    subscriptions: PartitionReader,
    subscriptions_end: i64,
    attempts: PartitionReader,
    core: Partition,
    carrier: Carrier,
    actions: Vec<Action>,
    begin: Begin,
    shown: Shown,
}

impl<'a> Session<'a> {
    /// Claims the partition and begins to fold.
    pub async fn open(
        parts: &'a Arc<Parts>,
        assignment: &'a mut Assignment,
        resume: Resume,
        begin: Begin,
        condition: &'a Condition,
    ) -> Result<Session<'a>, Failure> {
        let partition = assignment.partition;
        // Asked before the reading begins: the end that is then read is at least this one.
        let subscriptions_end = parts.ends.last_stable(Topic::Subscriptions, &[partition]).await?;
        let subscriptions = parts.companions.read(Topic::Subscriptions, partition, From::Beginning).await?;
        let (from, resume) = begin.apply(resume);
        let attempts = parts.companions.read(Topic::Attempts, partition, from).await?;
        let mut actions = Vec::new();
        let core = Partition::new(
            parts.limits.clone(),
            parts.shared.clone(),
            resume,
            fastrand::u64(..),
            fastrand::u64(..),
            parts.clock.now(),
            &mut actions,
        );
        let carrier = Carrier::new(parts.clone(), assignment);
        Ok(Session {
            parts,
            condition,
            subscriptions,
            subscriptions_end: subscriptions_end.first().copied().unwrap_or(0),
            attempts,
            core,
            carrier,
            actions,
            begin,
            shown: Shown::new(),
            assignment,
        })
    }

    /// Runs to the end of the ownership; `last_commit` is kept at what was committed last.
    pub async fn run(mut self, last_commit: &mut (i64, String)) -> Ended {
        let mut deadline = None;
        loop {
            match self.turn().await {
                Ok(true) => {}
                Ok(false) => {
                    if let Err(failure) = self.wait(last_commit, deadline).await {
                        return Ended::Failed(failure);
                    }
                }
                Err(failure) if self.attempts_are_gone(&failure) => {
                    return Ended::Again(Begin::WithWhatIsLeft);
                }
                Err(failure) => return Ended::Failed(failure),
            }
            if let Some(why) = self.carrier.start_again.take() {
                tracing::warn!(partition = self.assignment.partition, ?why, "the ownership starts again");
                return Ended::Again(Begin::because(why));
            }
            match self.assignment.stop.now() {
                Stopping::No => {}
                Stopping::Abandon => return Ended::Stopped,
                Stopping::Drain { deadline: until } => {
                    self.core.drain();
                    deadline = Some(until);
                    if self.core.is_drained() || tokio::time::Instant::now() >= until {
                        return self.leave(last_commit).await;
                    }
                }
            }
        }
    }

    /// Takes what is there of each topic; false when nothing was.
    async fn turn(&mut self) -> Result<bool, Failure> {
        let now = self.parts.clock.now();
        let was_running = self.core.is_running();
        let taken = self.read_subscriptions(now)? + self.read_attempts(now)? + self.read_deliveries(now)?;
        if !was_running && self.core.is_running() {
            self.condition.set(true, "owned");
            tracing::info!(
                partition = self.assignment.partition,
                epoch = self.core.epoch(),
                "partition owned"
            );
        }
        let now = self.parts.clock.now();
        self.core.tick(now, &mut self.actions);
        self.shown.tell(now, &self.core);
        self.carry_out().await?;
        Ok(taken > 0)
    }

    /// Retention removed the place where the last owner said to begin: it stood still for as long as that.
    fn attempts_are_gone(&self, failure: &Failure) -> bool {
        let gone = failure.downcast_ref().is_some_and(|error| {
            matches!(error, ReadError::OffsetOutOfRange { topic, .. } if topic == self.attempts.topic())
        });
        gone && !self.core.is_running() && self.begin != Begin::WithWhatIsLeft
    }

    fn read_subscriptions(&mut self, now: Now) -> Result<usize, Failure> {
        for taken in 0..TURN_MAX {
            match self.subscriptions.try_next()? {
                None => return Ok(taken),
                Some(Item::End) => {
                    self.core.on_subscriptions_end(now, self.subscriptions_end, &mut self.actions);
                }
                Some(Item::Record(record)) => {
                    let state = match &record.payload {
                        None => None,
                        Some(payload) => {
                            decode::<SubscriptionRecord>(
                                Topic::Subscriptions,
                                &self.subscriptions,
                                &record,
                                payload,
                            )?
                            .subscription
                        }
                    };
                    self.core.on_subscription(now, record.offset, state, &mut self.actions);
                    // What was decided before this change and is not sent yet must not be sent any more.
                    self.carrier.decided_by(&self.core);
                }
            }
        }
        Ok(TURN_MAX)
    }

    fn read_attempts(&mut self, now: Now) -> Result<usize, Failure> {
        for taken in 0..TURN_MAX {
            match self.attempts.try_next()? {
                None => return Ok(taken),
                Some(Item::End) => {}
                Some(Item::Record(record)) => {
                    let payload = record.payload.clone().unwrap_or_default();
                    let decoded: AttemptsRecord = decode(Topic::Attempts, &self.attempts, &record, &payload)?;
                    self.core.on_attempts(
                        now,
                        record.offset,
                        record.timestamp_ms,
                        decoded,
                        &mut self.actions,
                    );
                }
            }
        }
        Ok(TURN_MAX)
    }

    fn read_deliveries(&mut self, now: Now) -> Result<usize, Failure> {
        for taken in 0..TURN_MAX {
            if !self.core.wants_more() {
                return Ok(taken);
            }
            match self.assignment.reader.try_next()? {
                None => return Ok(taken),
                Some(Item::End) => self.core.on_deliveries_end(now),
                Some(Item::Record(record)) => {
                    let payload = record.payload.clone().unwrap_or_default();
                    let delivery: Delivery =
                        decode(Topic::Deliveries, &self.assignment.reader, &record, &payload)?;
                    let (offset, appended_ms) = (record.offset, record.timestamp_ms);
                    self.core
                        .on_delivery(now, offset, appended_ms, payload.len(), delivery, &mut self.actions)
                        .map_err(|problem| {
                            unreadable(Topic::Deliveries, &self.assignment.reader, &record, &problem)
                        })?;
                }
            }
        }
        Ok(TURN_MAX)
    }

    /// Waits for anything: records, answers, acknowledgements, the clock, the end.
    async fn wait(
        &mut self,
        last_commit: &mut (i64, String),
        deadline: Option<tokio::time::Instant>,
    ) -> Result<(), Failure> {
        let clock = self.parts.clock;
        let mut wake = tokio::time::Instant::from_std(clock.instant(self.core.next_wake_ms(clock.now())));
        wake = deadline.map_or(wake, |until| wake.min(until));
        tokio::select! {
            biased;
            answered = self.carrier.next_answer() => {
                let mut answered = Some(answered);
                while let Some(answer) = answered {
                    answer.tell(clock.now(), &mut self.core, last_commit, &mut self.actions)?;
                    answered = self.carrier.answer_now();
                }
            }
            () = self.attempts.ready() => {}
            () = self.subscriptions.ready() => {}
            () = self.assignment.reader.ready(), if self.core.wants_more() => {}
            () = tokio::time::sleep_until(wake) => {}
            _ = self.assignment.stop.changed() => {}
        }
        self.carry_out().await
    }

    async fn carry_out(&mut self) -> Result<(), Failure> {
        self.carrier.carry_out(&self.core, &mut self.actions).await?;
        if let Some((offset, end)) = self.carrier.read_table_again.take() {
            self.subscriptions.seek(offset).await?;
            self.subscriptions_end = end;
        }
        Ok(())
    }

    /// The last commit of an ownership that ends in order.
    async fn leave(mut self, last_commit: &mut (i64, String)) -> Ended {
        if self.core.epoch() >= 0 {
            let point = self.core.commit_point(self.parts.clock.now());
            let metadata = point.metadata();
            match self.assignment.committer.commit(point.offset, &metadata).await {
                Ok(()) => *last_commit = (point.offset, metadata),
                // The next owner begins at the commit before: nothing is lost, and little is folded twice.
                Err(error) => {
                    tracing::warn!(partition = self.assignment.partition, %error, "the last commit failed");
                }
            }
        }
        tracing::info!(
            partition = self.assignment.partition,
            committed = last_commit.0,
            "partition given back"
        );
        Ended::Stopped
    }
}

fn decode<M: Versioned>(
    topic: Topic,
    reader: &PartitionReader,
    record: &Record,
    payload: &[u8],
) -> Result<M, Failure> {
    let decoded = M::decode(payload).map_err(|problem| unreadable(topic, reader, record, &problem))?;
    decoded.known().map_err(|problem| unreadable(topic, reader, record, &problem))?;
    Ok(decoded)
}

fn unreadable(
    topic: Topic,
    reader: &PartitionReader,
    record: &Record,
    problem: &dyn std::fmt::Display,
) -> Failure {
    Box::new(Unreadable {
        topic: topic.name().to_owned(),
        partition: reader.partition(),
        offset: record.offset,
        problem: problem.to_string(),
    })
}
