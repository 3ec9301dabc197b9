//! The task of one partition of `events`.

use crate::{
    batch::{self, Progress},
    commit::Commits,
    inherit,
    publish::{Publisher, Settled, Written},
};
use aerogram_domain::prefix::Prefix;
use aerogram_kafka::{Assignment, CommitError, Companions, Item, Stopping, TaskEnd, WriteError};
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
    pub batch_max: usize,
    pub batches_in_flight_max: usize,
    pub commit_interval: Duration,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Works until the group takes the partition away. Nothing is skipped: what cannot be read or written stops it.
pub async fn run(shared: Arc<Shared>, assignment: Assignment) -> TaskEnd {
    let partition = assignment.partition;
    match own(shared, assignment).await {
        Ok(()) => TaskEnd::Stopped,
        Err(error) => {
            tracing::error!(partition, "the partition of events stops: {error}");
            TaskEnd::Failed(error)
        }
    }
}

async fn own(shared: Arc<Shared>, mut assignment: Assignment) -> Result<(), Failure> {
    let Some(committed) = assignment.committed.take() else {
        return Err("it has no committed offset; run `aerogram topics create`".into());
    };
    let (inherited, fold_start) = tokio::select! {
        biased;
        () = leaving(&assignment) => return Ok(()),
        folded = inherit::receipts(&shared.companions, assignment.partition, &committed) => folded?,
    };
    let worker = Worker {
        progress: Progress { prefix: Prefix::new(committed.offset), inherited, fold_start },
        commits: Commits::new(assignment.committer.clone()),
        writing: None,
        settling: FuturesUnordered::new(),
        shared,
        assignment,
    };
    worker.run().await
}

/// Returns when the partition is to be given back; looks without using up the change.
async fn leaving(assignment: &Assignment) {
    let mut stop = assignment.stop.clone();
    while stop.now() == Stopping::No {
        stop.changed().await;
    }
}

struct Worker {
    shared: Arc<Shared>,
    assignment: Assignment,
    progress: Progress,
    commits: Commits,
    /// The batch whose deliveries are being written; only one, to keep their order.
    writing: Option<BoxFuture<'static, Result<Option<Written>, WriteError>>>,
    /// Batches that wait for acknowledgements, of deliveries or receipt.
    settling: FuturesUnordered<BoxFuture<'static, Result<Settled, WriteError>>>,
}

impl Worker {
    async fn run(mut self) -> Result<(), Failure> {
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
                answer = self.commits.answered(), if self.commits.is_outstanding() => self.say_refused(answer),
                _ = tick.tick() => self.commit(),
                Some(written) = OptionFuture::from(self.writing.as_mut()) => self.written(written?),
                item = self.assignment.reader.next(), if room && self.writing.is_none() => self.begin(item?)?,
            }
        }
    }

    fn begin(&mut self, first: Item) -> Result<(), Failure> {
        let max = self.shared.batch_max;
        let batch = batch::take(&mut self.assignment.reader, first, &mut self.progress, max)?;
        if !batch.is_empty() {
            self.writing = Some(Box::pin(self.shared.publisher.clone().write(batch)));
        }
        Ok(())
    }

    fn written(&mut self, written: Option<Written>) {
        self.writing = None;
        if let Some(written) = written {
            self.settling.push(Box::pin(self.shared.publisher.clone().settle(written)));
        }
    }

    fn settled(&mut self, settled: &Settled) {
        self.progress.fold_start.acknowledged(settled.receipt_offset);
        self.progress.prefix.settle(settled.last_offset);
    }

    fn commit(&mut self) {
        let Progress { prefix, inherited, fold_start } = &self.progress;
        let metadata = fold_start.metadata(prefix.values().copied(), inherited);
        self.commits.begin(prefix.committable(), metadata.encode());
    }

    /// Finishes the batches that were begun, then commits.
    async fn drain(mut self, deadline: Instant) -> Result<(), Failure> {
        let out_of_time = sleep_until(deadline);
        tokio::pin!(out_of_time);
        while self.writing.is_some() || !self.settling.is_empty() {
            tokio::select! {
                biased;
                () = &mut out_of_time => break,
                Some(settled) = self.settling.next() => self.settled(&settled?),
                Some(written) = OptionFuture::from(self.writing.as_mut()) => self.written(written?),
            }
        }
        let last = async {
            // An older commit must not land after the last one.
            let _ = self.commits.answered().await;
            self.commit();
            self.commits.answered().await
        };
        if let Ok(answer) = tokio::time::timeout_at(deadline, last).await {
            self.say_refused(answer);
        }
        Ok(())
    }

    fn say_refused(&self, answer: Result<(), CommitError>) {
        if let Err(error) = answer {
            tracing::warn!(
                partition = self.assignment.partition,
                "the commit failed and is repeated: {error}"
            );
        }
    }
}
