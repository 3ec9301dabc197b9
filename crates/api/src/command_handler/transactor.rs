//! One transaction at a time for all partitions of the process: while one is under way, the partitions' next batches
//! gather and go together in the next.

use std::collections::VecDeque;

use aerogram_kafka::{Committer, GroupMetadata, OwnedOut, TransactionError, TransactionalWriter};
use tokio::sync::{mpsc, oneshot};

/// Commands in one transaction, at most; a single batch may have as many.
pub const COMMANDS_MAX: usize = 100;
/// Batches waiting; each partition has one at most.
const WAITING_MAX: usize = 256;

/// A partition's batch.
pub struct Job {
    pub commands: usize,
    pub records: Vec<OwnedOut>,
    /// Full name.
    pub topic: String,
    pub partition: i32,
    /// The offset after the last command.
    pub next_offset: i64,
    pub committer: Committer,
}

/// How a batch ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    Committed,
    /// Nothing of it is visible; it may be done again.
    Aborted(String),
    /// Nothing of it is visible. Either a rebalance has just ended, and the next try has the new generation, or the
    /// partition is another's.
    Fenced(String),
    /// This producer is of no more use, and it is not known whether the batch was committed.
    Broken(String),
}

type Waiting = (Job, oneshot::Sender<Ended>);

/// Hands batches to the process's one producer; cheap to clone.
#[derive(Clone)]
pub struct Transactor {
    jobs: mpsc::Sender<Waiting>,
}

impl Transactor {
    /// Takes the producer; it lives as long as somebody can hand in batches.
    pub fn start(writer: TransactionalWriter) -> Self {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(writer, waiting));
        Self { jobs }
    }

    /// Writes a batch in a transaction, maybe with those of other partitions.
    pub async fn write(&self, job: Job) -> Ended {
        let (tell, ended) = oneshot::channel();
        let broken = || Ended::Broken("the task that writes transactions has ended".to_owned());
        match self.jobs.send((job, tell)).await {
            Ok(()) => ended.await.unwrap_or_else(|_| broken()),
            Err(_) => broken(),
        }
    }
}

async fn serve(writer: TransactionalWriter, mut jobs: mpsc::Receiver<Waiting>) {
    let mut left = VecDeque::new();
    loop {
        if left.is_empty() {
            let Some(first) = jobs.recv().await else { return };
            left.push_back(first);
        }
        while let Ok(more) = jobs.try_recv() {
            left.push_back(more);
        }
        transact(&writer, take_together(&mut left)).await;
    }
}

/// The first batch and as many of the next ones as fit.
fn take_together(left: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut together = Vec::new();
    let mut commands = 0;
    while let Some((job, _)) = left.front() {
        commands += job.commands;
        if commands > COMMANDS_MAX && !together.is_empty() {
            break;
        }
        together.extend(left.pop_front());
    }
    together
}

async fn transact(writer: &TransactionalWriter, jobs: Vec<Waiting>) {
    let (group, jobs) = still_owned(jobs);
    let Some(group) = group else { return };
    let (mut records, mut offsets, mut tells) = (Vec::new(), Vec::new(), Vec::new());
    for (job, tell) in jobs {
        records.extend(job.records);
        offsets.push((job.topic, job.partition, job.next_offset));
        tells.push(tell);
    }
    let ended = match writer.transact_as(records, offsets, group).await {
        Ok(_) => Ended::Committed,
        Err(TransactionError::Aborted { reason }) => Ended::Aborted(reason),
        Err(TransactionError::Fenced { reason }) => Ended::Fenced(reason),
        Err(TransactionError::Fatal { reason }) => Ended::Broken(reason),
    };
    for tell in tells {
        // The task of an abandoned partition does not wait for it.
        let _ = tell.send(ended.clone());
    }
}

/// Takes the membership from the first batch whose partition is still owned, then asks the others whether theirs was still
/// owned after that: a partition given away earlier must not go along under the later generation.
fn still_owned(jobs: Vec<Waiting>) -> (Option<GroupMetadata>, Vec<Waiting>) {
    let mut group = None;
    let mut owned = Vec::with_capacity(jobs.len());
    for (job, tell) in jobs {
        match job.committer.group_metadata() {
            Ok(metadata) => {
                group.get_or_insert(metadata);
                owned.push((job, tell));
            }
            Err(error) => {
                let _ = tell.send(Ended::Fenced(error.to_string()));
            }
        }
    }
    (group, owned)
}
