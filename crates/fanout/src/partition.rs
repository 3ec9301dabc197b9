//! The task of one partition of `events`.

use crate::{
    batch::{self, Progress, Taken},
    inherit,
    publish::{Publisher, Settled, Written},
};
use aerogram_domain::{
    fanout::{FoldStart, ReceiptFold},
    prefix::Prefix,
};
use aerogram_kafka::{
    Assignment, CommitsInTurn, Committed, Companions, Ends, Failure, Item, Readiness, Stopping, TaskEnd,
    WriteError, fail,
};
use aerogram_telemetry::Health;
use aerogram_wire::Layout;
use futures::{
    StreamExt as _,
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// What the partitions of a process share.
pub struct Shared {
    pub publisher: Publisher,
    pub companions: Companions,
    pub ends: Ends,
    pub layout: Layout,
    pub batch_max: usize,
    pub batches_in_flight_max: usize,
    pub commit_interval: Duration,
    /// How long batches in flight may take to be acknowledged at the end.
    pub drain: Duration,
    pub health: Health,
}

/// Works until the group takes the partition away. Nothing is skipped: what cannot be read or written stops it.
pub async fn run(shared: Arc<Shared>, mut assignment: Assignment) -> TaskEnd {
    let name = format!("events partition {}", assignment.partition);
    let readiness = Readiness::new(shared.health.condition(&name));
    readiness.set(false, "reading the receipts of former owners");
    match own(shared, &mut assignment, &readiness).await {
        Ok(()) => TaskEnd::Stopped,
        Err(failure) => fail(&mut assignment, readiness, failure).await,
    }
}

async fn own(shared: Arc<Shared>, assignment: &mut Assignment, readiness: &Readiness) -> Result<(), Failure> {
    let Some(committed) = assignment.committed.take() else {
        return Err("it has no committed offset; run `aerogram topics create`".into());
    };
    let (inherited, fold_start) = tokio::select! {
        biased;
        _ = assignment.stop.asked() => return Ok(()),
        known = known_before(&shared, assignment.partition, &committed) => known?,
    };
    readiness.set(true, "owned");
    let (committer, topic) = (assignment.committer.clone(), assignment.topic.as_str());
    let mut worker = Worker {
        progress: Progress { prefix: Prefix::new(committed.offset), inherited, fold_start },
        commits: CommitsInTurn::new(committer, topic, assignment.partition, None),
        writing: None,
        settling: FuturesUnordered::new(),
        shared,
        assignment,
    };
    let ended = worker.run().await;
    if ended.is_err() && worker.assignment.stop.now() != Stopping::Abandon {
        // What came before the problem is finished and committed, for the partition may stand still for long.
        let deadline = Instant::now() + worker.shared.drain;
        if let Err(failure) = worker.drain(deadline).await {
            tracing::warn!(partition = worker.assignment.partition, "after a first problem: {failure}");
        }
    }
    ended
}

/// What former owners knew: the receipts they left, and the events they had seen.
async fn known_before(
    shared: &Shared,
    partition: i32,
    committed: &Committed,
) -> Result<(ReceiptFold, FoldStart), Failure> {
    let (inherited, fold_start) = inherit::receipts(&shared.companions, partition, committed).await?;
    // Events with a receipt are not asked about again, so they are recalled as well.
    let (companions, ends, layout) = (&shared.companions, &shared.ends, &shared.layout);
    shared.publisher.duplicates.recall(companions, ends, partition, layout, inherited.end()).await?;
    Ok((inherited, fold_start))
}

struct Worker<'a> {
    shared: Arc<Shared>,
    assignment: &'a mut Assignment,
    progress: Progress,
    commits: CommitsInTurn,
    /// The batch whose deliveries are being written; only one, to keep their order.
    writing: Option<BoxFuture<'static, Result<Option<Written>, WriteError>>>,
    /// Batches that wait for acknowledgements, of deliveries or receipt.
    settling: FuturesUnordered<BoxFuture<'static, Result<Settled, WriteError>>>,
}

impl Worker<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let mut tick = interval(self.shared.commit_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = self.settling.len() < self.shared.batches_in_flight_max;
            tokio::select! {
                biased;
                stopping = self.assignment.stop.changed() => match stopping {
                    Stopping::No => {}
                    Stopping::Drain { deadline } => return self.drain(deadline).await,
                    Stopping::Abandon => return Ok(()),
                },
                Some(settled) = self.settling.next() => self.settled(&settled?),
                () = self.commits.answered(), if self.commits.is_outstanding() => {}
                _ = tick.tick() => self.commit(),
                Some(written) = OptionFuture::from(self.writing.as_mut()) => self.written(written)?,
                item = self.assignment.reader.next(), if room && self.writing.is_none() => self.begin(item?)?,
            }
        }
    }

    fn begin(&mut self, first: Item) -> Result<(), Failure> {
        let max = self.shared.batch_max;
        let Taken { batch, problem } =
            batch::take(&mut self.assignment.reader, first, &mut self.progress, max);
        if !batch.is_empty() {
            self.writing = Some(Box::pin(self.shared.publisher.clone().write(batch)));
        }
        problem.map_or(Ok(()), Err)
    }

    fn written(&mut self, written: Result<Option<Written>, WriteError>) -> Result<(), WriteError> {
        // First, for it has ended and must not be asked again.
        self.writing = None;
        if let Some(written) = written? {
            self.settling.push(Box::pin(self.shared.publisher.clone().settle(written)));
        }
        Ok(())
    }

    fn settled(&mut self, settled: &Settled) {
        self.progress.fold_start.acknowledged(settled.receipt_offset);
        self.progress.prefix.settle(settled.last_offset);
    }

    fn commit(&mut self) {
        let (offset, metadata) = self.to_commit();
        self.commits.begin(offset, metadata);
    }

    fn to_commit(&self) -> (i64, String) {
        let Progress { prefix, inherited, fold_start } = &self.progress;
        let metadata = fold_start.metadata(prefix.values().copied(), inherited);
        (prefix.committable(), metadata.encode())
    }

    /// Finishes the batches that were begun, then commits, also when one of them fails.
    async fn drain(&mut self, deadline: Instant) -> Result<(), Failure> {
        let out_of_time = sleep_until(deadline);
        tokio::pin!(out_of_time);
        let mut first_problem = None;
        while self.writing.is_some() || !self.settling.is_empty() {
            let finished = tokio::select! {
                biased;
                () = &mut out_of_time => break,
                Some(settled) = self.settling.next() => settled.map(|settled| self.settled(&settled)),
                Some(written) = OptionFuture::from(self.writing.as_mut()) => self.written(written),
            };
            if let Err(problem) = finished {
                first_problem.get_or_insert(problem);
            }
        }
        let (offset, metadata) = self.to_commit();
        self.commits.last(offset, metadata, deadline).await;
        first_problem.map_or(Ok(()), |problem| Err(problem.into()))
    }
}
