//! Following `escalations` into the projection, a task for each partition.
//!
//! Where the log begins is looked up first and then now and then: what retention has taken since, also while this process was
//! away, goes from the projection as well. The end is proved as for `subscriptions` (see `fold.rs`).
//!
//! A projection that can't be used, such as on a full disk, and a record that can't be understood keep escalations from being
//! followed and read, and nothing else: the partition stands still, says so, and begins again after a while.

use std::convert::Infallible;

use aerogram_kafka::{
    Cluster, Companions, ConnectError, Ends, From, Item, PartitionReader, ReadError, Record,
};
use aerogram_projection::{Batch, Change, Open, Projection, ProjectionError};
use aerogram_telemetry::{Condition, names};
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use super::beginnings;
use super::standing::{self, Following, Part, Retry, Standing};
use crate::catch_up::CatchUp;
use crate::fold::{FoldHandle, Marks, PATIENCE, raise};
use crate::records::{self, BadRecord, Told};

/// Changes of one batch, at most.
const CHANGES_MAX: usize = 1_000;

/// How long things are left alone.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What stands still tries again after this, and later and later, up to `retry_max`.
    pub retry_first: Duration,
    pub retry_max: Duration,
    /// How often it is asked where the log begins.
    pub begins_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            begins_every: Duration::from_secs(60),
        }
    }
}

/// Why a partition can't be followed further.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error("the end of {topic} partition {partition} is unknown", topic = Topic::Escalations.name())]
    NoEnd { partition: i32 },
}

/// Opens the projection and follows all partitions, in tasks; reads are brought up to date by what is returned.
///
/// # Errors
/// When Kafka can't be asked. A projection that is not ours to use ends its task.
pub async fn start(
    cluster: &Cluster,
    companions: &Companions,
    projection: &Projection,
    followed: Condition,
    pace: Pace,
    tasks: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
) -> Result<Following, StartError> {
    let ends = cluster.ends()?;
    let first_ends = ends.all_last_stable(Topic::Escalations).await?;
    let standing = Standing::new();
    let opening = open(projection.clone(), standing.clone(), pace);
    tasks.spawn(async move {
        let Err(error) = opening.await;
        ("the opening of the projection", Err(error.into()))
    });
    let (mut handles, mut positions, mut begins) = (Vec::new(), Vec::new(), Vec::new());
    for (partition, _) in (0..).zip(&first_ends) {
        let (handle, marks) = FoldHandle::new();
        positions.push(handle.reached());
        handles.push(handle);
        let (begins_at, begin) = watch::channel(0);
        begins.push(begins_at);
        let (companions, projection, ends) = (companions.clone(), projection.clone(), ends.clone());
        let standing = standing.clone();
        let follower = Follower { companions, ends, projection, partition, marks, begin, standing, pace };
        tasks.spawn(async move {
            let Err(error) = follower.run().await;
            ("the following of escalations", Err(error.into()))
        });
    }
    tokio::spawn(standing::say(followed, positions, first_ends, standing.watch()));
    let asking = beginnings::ask(ends.clone(), begins, pace.begins_every);
    tasks.spawn(async move {
        asking.await;
        ("the asking for beginnings", Ok(()))
    });
    let (catch_up, prober) = CatchUp::new(Topic::Escalations, ends, handles);
    let catch_up = Following::new(catch_up, &standing);
    tasks.spawn(async move {
        prober.run().await;
        ("the asking for ends", Ok(()))
    });
    Ok(catch_up)
}

/// Why following was not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Until it is open, and then it stays so. Another one's file is a mistake that does not pass.
async fn open(projection: Projection, standing: Standing, pace: Pace) -> Result<Infallible, ProjectionError> {
    let mut retry = Retry::new(pace);
    loop {
        match projection.start().await {
            Ok(()) => {
                standing.goes_on(Part::File);
                std::future::pending::<Infallible>().await;
            }
            Err(
                error @ (ProjectionError::InUse { .. }
                | ProjectionError::NotOurs { .. }
                | ProjectionError::Closed),
            ) => return Err(error),
            Err(error) => {
                standing.stands(Part::File, "projection", &error.to_string());
                retry.pause().await;
            }
        }
    }
}

struct Follower {
    companions: Companions,
    ends: Ends,
    projection: Projection,
    partition: i32,
    marks: Marks,
    /// Where the log began when that was last asked for.
    begin: watch::Receiver<i64>,
    standing: Standing,
    pace: Pace,
}

impl Follower {
    async fn run(mut self) -> Result<Infallible, FollowError> {
        self.projection.started().await?;
        let mut retry = Retry::new(self.pace);
        loop {
            match self.follow().await {
                Err(error @ (FollowError::Projection(_) | FollowError::Record(_))) => {
                    self.stands(&error);
                    retry.pause().await;
                }
                Err(FollowError::Read(ReadError::OffsetOutOfRange { offset, .. })) => {
                    tracing::warn!(
                        partition = self.partition,
                        offset,
                        "the log of escalations does not go on where it was read; it is read on at its beginning"
                    );
                }
                ended => return ended,
            }
        }
    }

    async fn follow(&mut self) -> Result<Infallible, FollowError> {
        let mut reader = self.begin().await?;
        self.standing.goes_on(Part::Partition(self.partition));
        let mut batch = self.batch(*self.marks.reached.borrow());
        // The next end that the reader says was said after this one.
        let mut to_prove: Option<i64> = None;
        let (mut watched, mut asked) = (true, true);
        loop {
            let item = match reader.try_next()? {
                Some(item) => item,
                None => {
                    self.flush(&mut batch).await?;
                    self.reach(reader.position());
                    let (wanted, reached) =
                        (*self.marks.wanted.borrow_and_update(), *self.marks.reached.borrow());
                    if wanted <= reached || to_prove.is_some() {
                        tokio::select! {
                            item = reader.next() => item?,
                            changed = self.marks.wanted.changed(), if watched => {
                                watched = changed.is_ok();
                                continue;
                            }
                            changed = self.begin.changed(), if asked => {
                                asked = changed.is_ok();
                                if asked {
                                    self.begin.mark_changed();
                                }
                                continue;
                            }
                        }
                    } else if let Ok(item) = timeout(PATIENCE, reader.next()).await {
                        item?
                    } else {
                        reader.seek(reached).await?;
                        to_prove = Some(wanted);
                        continue;
                    }
                }
            };
            match item {
                Item::Record(record) => {
                    if let Err(error) = self.take(&mut batch, &record) {
                        // What stands before it is kept.
                        self.flush(&mut batch).await?;
                        return Err(error.into());
                    }
                }
                Item::End => {
                    self.flush(&mut batch).await?;
                    self.reach(to_prove.take().unwrap_or(0));
                }
            }
            if batch.changes.len() >= CHANGES_MAX {
                self.flush(&mut batch).await?;
            }
        }
    }

    /// Everything before this offset is in the projection.
    fn reach(&self, offset: i64) {
        self.marks.reached.send_if_modified(|reached| raise(reached, offset));
    }

    /// A reader at the first record that is not in the projection; what the log does not hold any more is out of it then.
    async fn begin(&mut self) -> Result<PartitionReader, FollowError> {
        let topic = Topic::Escalations;
        // It may be of a topic that was here before.
        self.begin.mark_unchanged();
        // Asked for before the reader is made: with nothing read before its first end, nothing was there.
        let ends = self.ends.last_stable(topic, &[self.partition]).await?;
        let end = ends.first().copied().ok_or(FollowError::NoEnd { partition: self.partition })?;
        let position = self.projection.position(topic, self.partition).await?.unwrap_or(0);
        let mut reader = self.companions.read(topic, self.partition, From::Beginning).await?;
        let (begins_at, first) = match reader.next().await? {
            Item::Record(record) => (record.offset, Some(record)),
            Item::End => (end, None),
        };
        // Rows from beyond the end are of a topic that was here before.
        let (begins_at, from) =
            if position > end { (i64::MAX, begins_at) } else { (begins_at, position.max(begins_at)) };
        let mut batch = Batch { begins_at, ..self.batch(from) };
        match first {
            Some(record) if record.offset == from => self.take(&mut batch, &record)?,
            Some(_) => reader.seek(from).await?,
            None => {}
        }
        self.apply(&mut batch).await?;
        // After a beginning anew it may be less than before.
        self.marks.reached.send_replace(batch.next_offset);
        Ok(reader)
    }

    fn batch(&self, next_offset: i64) -> Batch {
        Batch::new(Topic::Escalations, self.partition, next_offset)
    }

    fn take(&self, batch: &mut Batch, record: &Record) -> Result<(), BadRecord> {
        batch.changes.push(match records::escalation(self.partition, record)? {
            Told::GivenUp(row) => Change::Escalated(row),
            Told::Resolved { key, resolution } => Change::Resolved { key, resolution },
        });
        batch.next_offset = record.offset + 1;
        Ok(())
    }

    /// Applies the batch, unless there is nothing in it, and begins the next one. What the log does not hold any more goes.
    async fn flush(&mut self, batch: &mut Batch) -> Result<(), FollowError> {
        if !batch.changes.is_empty() {
            self.apply(batch).await?;
        }
        if self.begin.has_changed().unwrap_or(false) {
            // Of what was not read yet, nothing is there that could go.
            batch.begins_at = (*self.begin.borrow_and_update()).min(*self.marks.reached.borrow());
            self.apply(batch).await?;
        }
        Ok(())
    }

    fn stands(&self, error: &FollowError) {
        let partition = format!("partition {}", self.partition);
        // The projection is the same for all partitions.
        let subject = if matches!(error, FollowError::Projection(_)) { "projection" } else { &partition };
        self.standing.stands(Part::Partition(self.partition), subject, &error.to_string());
    }

    async fn apply(&self, batch: &mut Batch) -> Result<(), FollowError> {
        let reached = batch.next_offset;
        let next = self.batch(reached);
        let applied = self.projection.apply(std::mem::replace(batch, next)).await?;
        count(applied.open);
        self.reach(reached);
        Ok(())
    }
}

fn count(open: Open) {
    for (fault, rows) in [("receiver", open.receiver), ("platform", open.platform)] {
        metrics::gauge!(names::ESCALATIONS_OPEN, "fault" => fault).set(rows as f64);
    }
}
