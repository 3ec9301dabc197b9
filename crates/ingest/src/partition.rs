//! The task of one upstream partition: read in order, decide, write, commit what is acknowledged.

use crate::{
    decide::{Outgoing, decide},
    options::COMMIT_INTERVAL,
    sources::Source,
    warnings::Warnings,
};
use aerogram_kafka::{
    Ack, Assignment, Cluster, CommitsInTurn, Failure, Item, Readiness, Record, Stopping, TaskEnd, WriteError,
    Writer, fail,
};
use aerogram_telemetry::{Health, names};
use std::{collections::VecDeque, sync::Arc, time::Duration};
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
    pub warnings: Arc<Warnings>,
    /// One permit for each record that is written and not acknowledged.
    pub in_flight: Arc<Semaphore>,
    /// How long what is in flight may take to be acknowledged at the end.
    pub drain: Duration,
    pub health: Health,
}

/// Works until the group takes the partition away. Bad input stops nothing; a record that can't be written stops the
/// partition, for the next one must not overtake it.
pub async fn run(shared: Arc<Shared>, source: Arc<Source>, mut assignment: Assignment) -> TaskEnd {
    let (topic, partition) = (assignment.topic.clone(), assignment.partition);
    let readiness = Readiness::new(shared.health.condition(&format!("{topic} partition {partition}")));
    readiness.set(true, "owned");
    let (committer, committed) = (assignment.committer.clone(), assignment.committed.clone());
    let mut worker = Worker {
        shared,
        source,
        held: None,
        in_flight: VecDeque::new(),
        commits: CommitsInTurn::new(committer, &topic, partition, committed),
        acknowledged: None,
        assignment: &mut assignment,
    };
    let ended = worker.run().await;
    if ended.is_err() && worker.assignment.stop.now() != Stopping::Abandon {
        // What came before the problem is finished and committed, for the partition may stand still for long.
        let deadline = Instant::now() + worker.shared.drain;
        if let Err(problem) = worker.drain(deadline).await {
            tracing::warn!(topic, partition, "after a first problem: {problem}");
        }
    }
    match ended {
        Ok(()) => TaskEnd::Stopped,
        Err(failure) => fail(&mut assignment, readiness, failure).await,
    }
}

struct Worker<'a> {
    shared: Arc<Shared>,
    source: Arc<Source>,
    assignment: &'a mut Assignment,
    /// Decided, and waiting for room to be written.
    held: Option<Decided>,
    /// In the order of the offsets, so that the first one not acknowledged ends what may be committed.
    in_flight: VecDeque<InFlight>,
    commits: CommitsInTurn,
    /// The last record that is acknowledged, and with it all before.
    acknowledged: Option<i64>,
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

impl Worker<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
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
                    self.acknowledged = Some(acknowledged?);
                }
                () = self.commits.answered(), if self.commits.is_outstanding() => {}
                _ = tick.tick() => self.commit(),
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
        let (shared, partition) = (&self.shared, self.assignment.partition);
        let outgoing = decide(&shared.cluster, &shared.warnings, &self.source, partition, record);
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

    /// What is acknowledged by now.
    fn commit(&mut self) {
        if let Some(last) = self.acknowledged {
            self.commits.begin(last + 1, String::new());
        }
    }

    /// Waits for what is in flight and commits it. What was only held is read again by the next owner.
    async fn drain(&mut self, deadline: Instant) -> Result<(), Failure> {
        let finish = async {
            while !self.in_flight.is_empty() {
                self.acknowledged = Some(first_acknowledged(&mut self.in_flight).await?);
            }
            Ok::<_, WriteError>(())
        };
        let finished = timeout_at(deadline, finish).await;
        if let Some(last) = self.acknowledged {
            self.commits.last(last + 1, String::new(), deadline).await;
        }
        match finished {
            Ok(written) => Ok(written?),
            // The next owner writes again what was not acknowledged; fanout knows it for a duplicate.
            Err(_) => Ok(()),
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

/// The offset of the oldest record when it is acknowledged; never, when nothing is in flight. Cancel-safe. After a record
/// that was not written nothing counts any more, so that no commit passes it.
async fn first_acknowledged(in_flight: &mut VecDeque<InFlight>) -> Result<i64, WriteError> {
    let Some(first) = in_flight.front_mut() else { return std::future::pending().await };
    let (written, offset) = ((&mut first.ack).await, first.offset);
    in_flight.pop_front();
    if let Err(problem) = written {
        in_flight.clear();
        return Err(problem);
    }
    metrics::counter!(names::RECORDS_CONSUMED_TOTAL, "topic" => "sources", "outcome" => "ok").increment(1);
    Ok(offset)
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
