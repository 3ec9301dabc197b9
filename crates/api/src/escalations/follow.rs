//! Following `escalations` into the projection, a task for each partition.
//!
//! Where the log begins is looked up first: what retention has taken since, also while this process was away, goes from the
//! projection as well. The end is proved as for `subscriptions` (see `fold.rs`).

use std::convert::Infallible;

use aerogram_kafka::{
    Cluster, Companions, ConnectError, Ends, From, Item, PartitionReader, ReadError, Record,
};
use aerogram_projection::{Batch, Change, Open, Projection, ProjectionError};
use aerogram_telemetry::{Condition, names};
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};

use crate::catch_up::CatchUp;
use crate::fold::{FoldHandle, Marks, PATIENCE, raise};
use crate::records::{self, BadRecord, Told};

/// Changes of one batch, at most.
const CHANGES_MAX: usize = 1_000;
/// How often the readiness says how far the reading is.
const SAY_AGAIN: Duration = Duration::from_millis(500);

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

/// Starts following all partitions; reads are brought up to date by what is returned.
///
/// # Errors
/// When Kafka can't be asked.
pub async fn start(
    cluster: &Cluster,
    companions: &Companions,
    projection: &Projection,
    followed: Condition,
    tasks: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
) -> Result<CatchUp, StartError> {
    let ends = cluster.ends()?;
    let first_ends = ends.all_last_stable(Topic::Escalations).await?;
    let (mut handles, mut positions) = (Vec::new(), Vec::new());
    for (partition, _) in (0..).zip(&first_ends) {
        let (handle, marks) = FoldHandle::new();
        positions.push(handle.reached());
        handles.push(handle);
        let (companions, projection, ends) = (companions.clone(), projection.clone(), ends.clone());
        let follower = Follower { companions, ends, projection, partition, marks };
        tasks.spawn(async move {
            let Err(error) = follower.run().await;
            ("the following of escalations", Err(error.into()))
        });
    }
    tokio::spawn(say_how_far(followed, positions, first_ends));
    let (catch_up, prober) = CatchUp::new(Topic::Escalations, ends, handles);
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

/// Until everything that was there at the start is in the projection.
async fn say_how_far(followed: Condition, positions: Vec<watch::Receiver<i64>>, ends: Vec<i64>) {
    loop {
        let left: i64 = positions.iter().zip(&ends).map(|(at, end)| (end - *at.borrow()).max(0)).sum();
        if left == 0 {
            return followed.set(true, "all partitions");
        }
        followed.set(false, format!("being read from the log, {left} records to go"));
        sleep(SAY_AGAIN).await;
    }
}

struct Follower {
    companions: Companions,
    ends: Ends,
    projection: Projection,
    partition: i32,
    marks: Marks,
}

impl Follower {
    async fn run(mut self) -> Result<Infallible, FollowError> {
        loop {
            match self.follow().await {
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
        let mut batch = self.batch(*self.marks.reached.borrow());
        // The next end that the reader says was said after this one.
        let mut to_prove: Option<i64> = None;
        let mut watched = true;
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
                Item::Record(record) => self.take(&mut batch, &record)?,
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
    async fn begin(&self) -> Result<PartitionReader, FollowError> {
        let topic = Topic::Escalations;
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

    /// Applies the batch, unless there is nothing in it, and begins the next one.
    async fn flush(&self, batch: &mut Batch) -> Result<(), FollowError> {
        if batch.changes.is_empty() { Ok(()) } else { self.apply(batch).await }
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
