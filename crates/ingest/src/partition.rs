//! The task of one upstream partition: read in order, decide, write, commit what is acknowledged.

use crate::{
    decide::{Outgoing, decide},
    options::{COMMIT_INTERVAL, Source},
};
use aerogram_kafka::{
    Ack, Assignment, Cluster, CommitError, Committer, Item, Record, Stopping, TaskEnd, WriteError, Writer,
};
use aerogram_telemetry::names;
use futures::future::BoxFuture;
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

/// Records that are decided about before acknowledgements, commits and the stop get their turn.
const BURST_MAX: usize = 128;

/// What the partitions of a process share.
pub struct Shared {
    pub cluster: Cluster,
    pub writer: Writer,
    /// One permit for each record that is written and not acknowledged.
    pub in_flight: Arc<Semaphore>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Works until the group takes the partition away. Bad input stops nothing; a record that can't be written stops the
/// partition, for the next one must not overtake it.
pub async fn run(shared: Arc<Shared>, source: Arc<Source>, assignment: Assignment) -> TaskEnd {
    let (topic, partition) = (assignment.topic.clone(), assignment.partition);
    let worker = Worker {
        shared,
        source,
        held: None,
        in_flight: VecDeque::new(),
        commits: Commits {
            committer: assignment.committer.clone(),
            committed: assignment.committed.as_ref().map(|c| c.offset),
            acknowledged: None,
            outstanding: None,
        },
        assignment,
    };
    match worker.run().await {
        Ok(()) => TaskEnd::Stopped,
        Err(error) => {
            tracing::error!(topic, partition, "the partition stops: {error}");
            TaskEnd::Failed(error)
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    source: Arc<Source>,
    assignment: Assignment,
    /// Decided, and waiting for room to be written.
    held: Option<Decided>,
    /// In the order of the offsets, so that the first one not acknowledged ends what may be committed.
    in_flight: VecDeque<InFlight>,
    commits: Commits,
}

struct Decided {
    offset: i64,
    outgoing: Outgoing,
}

struct InFlight {
    offset: i64,
    ack: Ack,
    _permit: OwnedSemaphorePermit,
}

impl Worker {
    async fn run(mut self) -> Result<(), Failure> {
        let mut tick = interval(COMMIT_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                stopping = self.assignment.stop.changed() => match stopping {
                    Stopping::No => {}
                    Stopping::Drain { deadline } => return self.drain(deadline).await,
                    Stopping::Abandon => return Ok(()),
                },
                acknowledged = first_acknowledged(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    self.commits.acknowledged = Some(acknowledged? + 1);
                }
                answer = self.commits.answered(), if self.commits.outstanding.is_some() => self.say_refused(answer),
                _ = tick.tick() => self.commits.begin(),
                placed = place(&self.shared, self.held.as_ref()), if self.held.is_some() => {
                    self.in_flight.push_back(placed?);
                    self.held = None;
                    self.burst()?;
                }
                item = self.assignment.reader.next(), if self.held.is_none() => {
                    if let Item::Record(record) = item? {
                        self.held = Some(self.decide(&record));
                    }
                }
            }
        }
    }

    fn decide(&self, record: &Record) -> Decided {
        let outgoing = decide(&self.shared.cluster, &self.source, self.assignment.partition, record);
        Decided { offset: record.offset, outgoing }
    }

    /// Takes what is there without waiting for anything; what finds no room is held.
    fn burst(&mut self) -> Result<(), Failure> {
        for _ in 0..BURST_MAX {
            let record = match self.assignment.reader.try_next()? {
                Some(Item::Record(record)) => record,
                Some(Item::End) => continue,
                None => break,
            };
            let decided = self.decide(&record);
            let Ok(permit) = Arc::clone(&self.shared.in_flight).try_acquire_owned() else {
                self.held = Some(decided);
                break;
            };
            let headers = decided.outgoing.headers();
            match self.shared.writer.try_enqueue(decided.outgoing.out(&headers)) {
                Ok(ack) => {
                    self.in_flight.push_back(InFlight { offset: decided.offset, ack, _permit: permit });
                }
                Err(WriteError::QueueFull) => {
                    self.held = Some(decided);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for what is in flight and commits it. What was only held is read again by the next owner.
    async fn drain(mut self, deadline: Instant) -> Result<(), Failure> {
        let finish = async {
            while !self.in_flight.is_empty() {
                self.commits.acknowledged = Some(first_acknowledged(&mut self.in_flight).await? + 1);
            }
            Ok::<_, WriteError>(())
        };
        let finished = timeout_at(deadline, finish).await;
        // An older commit must not land after the last one.
        let last = async {
            if self.commits.outstanding.is_some() {
                let _ = self.commits.answered().await;
            }
            self.commits.begin();
            self.commits.answered().await
        };
        if let Ok(answer) = timeout_at(deadline, last).await {
            self.say_refused(answer);
        }
        match finished {
            Ok(written) => Ok(written?),
            // The next owner writes again what was not acknowledged; fanout knows it for a duplicate.
            Err(_) => Ok(()),
        }
    }

    fn say_refused(&self, answer: Result<(), CommitError>) {
        if let Err(error) = answer {
            let (topic, partition) = (&self.assignment.topic, self.assignment.partition);
            tracing::warn!(topic, partition, "the commit failed and is repeated: {error}");
        }
    }
}

/// Waits for room and writes. Cancelled, it has written nothing.
async fn place(shared: &Shared, held: Option<&Decided>) -> Result<InFlight, Failure> {
    let Some(held) = held else { return std::future::pending().await };
    let permit = Arc::clone(&shared.in_flight).acquire_owned().await?;
    let headers = held.outgoing.headers();
    let ack = shared.writer.enqueue(held.outgoing.out(&headers)).await?;
    Ok(InFlight { offset: held.offset, ack, _permit: permit })
}

/// The offset of the oldest record when it is acknowledged; never, when nothing is in flight. Cancel-safe.
async fn first_acknowledged(in_flight: &mut VecDeque<InFlight>) -> Result<i64, WriteError> {
    let Some(first) = in_flight.front_mut() else { return std::future::pending().await };
    (&mut first.ack).await?;
    let offset = first.offset;
    in_flight.pop_front();
    metrics::counter!(names::RECORDS_CONSUMED_TOTAL, "topic" => "sources", "outcome" => "ok").increment(1);
    Ok(offset)
}

/// At most one commit is on its way.
struct Commits {
    committer: Committer,
    committed: Option<i64>,
    /// The first offset that is not acknowledged.
    acknowledged: Option<i64>,
    outstanding: Option<(i64, BoxFuture<'static, Result<(), CommitError>>)>,
}

impl Commits {
    fn begin(&mut self) {
        if let (None, Some(offset)) = (&self.outstanding, self.acknowledged)
            && self.committed != Some(offset)
        {
            self.outstanding = Some((offset, Box::pin(self.committer.commit(offset, ""))));
        }
    }

    /// The answer to the commit that is on its way; at once, when there is none. Cancel-safe.
    async fn answered(&mut self) -> Result<(), CommitError> {
        let Some((offset, answer)) = &mut self.outstanding else { return Ok(()) };
        let (offset, answer) = (*offset, answer.await);
        self.outstanding = None;
        if answer.is_ok() {
            self.committed = Some(offset);
        }
        answer
    }
}

/// A partition of a topic that is not configured: another member of the group has another configuration.
pub fn foreign(assignment: &Assignment) -> TaskEnd {
    let topic = &assignment.topic;
    TaskEnd::Failed(
        format!(
            "{topic} is assigned but not in ingest.sources; all processes of a group need the same sources"
        )
        .into(),
    )
}
