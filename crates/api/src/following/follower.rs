//! Following one partition of a topic into the projection.
//!
//! Where the log begins is looked up first and then, for some topics, now and then: what retention has taken since, also while
//! this process was away, goes from the projection as well. The end is proved as for `subscriptions` (see `fold.rs`).
//!
//! A projection that can't be used, such as on a full disk, and a record that can't be understood keep what is read of the
//! partition's group from being followed and read, and nothing else: the partition stands still, says so, and begins again
//! after a while.

use std::convert::Infallible;

use aerogram_domain::history::Claims;
use aerogram_kafka::{Companions, Ends, From, Item, PartitionReader, ReadError, Record};
use aerogram_projection::{Batch, Open, Projection, ProjectionError};
use aerogram_telemetry::names;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Pace;
use super::reading::Reading;
use super::standing::{Part, Retry, Standing};
use crate::fold::{Marks, PATIENCE, raise};
use crate::records::BadRecord;

/// Changes of one batch, at most, but for those of one record.
const CHANGES_MAX: usize = 1_000;
/// Records of one batch, at most, in bytes, but for the last one.
const RECORDS_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Why a partition can't be followed further.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error("the end of {topic} partition {partition} is unknown", topic = topic.name())]
    NoEnd { topic: Topic, partition: i32 },
}

pub struct Follower {
    pub companions: Companions,
    pub ends: Ends,
    pub projection: Projection,
    pub reading: Reading,
    pub topic: Topic,
    pub partition: i32,
    pub marks: Marks,
    /// Where the log began when that was last asked for.
    pub begin: watch::Receiver<i64>,
    pub standing: Standing,
    pub pace: Pace,
}

/// What was read and is not applied yet.
struct Read {
    batch: Batch,
    /// Of the records it was made of.
    bytes: usize,
}

impl Follower {
    pub async fn run(mut self) -> Result<Infallible, FollowError> {
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
                        topic = self.topic.name(),
                        partition = self.partition,
                        offset,
                        "the log does not go on where it was read; it is read on at its beginning"
                    );
                }
                ended => return ended,
            }
        }
    }

    async fn follow(&mut self) -> Result<Infallible, FollowError> {
        let mut reader = self.begin().await?;
        self.standing.goes_on(Part::Partition(self.topic, self.partition));
        let mut read = self.nothing_read(*self.marks.reached.borrow());
        // The next end that the reader says was said after this one.
        let mut to_prove: Option<i64> = None;
        let (mut watched, mut asked) = (true, true);
        loop {
            let item = match reader.try_next()? {
                Some(item) => item,
                None => {
                    self.flush(&mut read).await?;
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
                    if let Err(error) = self.take(&mut read, &record) {
                        // What stands before it is kept.
                        self.flush(&mut read).await?;
                        return Err(error.into());
                    }
                }
                Item::End => {
                    self.flush(&mut read).await?;
                    self.reach(to_prove.take().unwrap_or(0));
                }
            }
            if read.batch.changes.len() >= CHANGES_MAX || read.bytes >= RECORDS_BYTES_MAX {
                self.flush(&mut read).await?;
            }
        }
    }

    /// Everything before this offset is in the projection.
    fn reach(&self, offset: i64) {
        self.marks.reached.send_if_modified(|reached| raise(reached, offset));
    }

    /// A reader at the first record that is not in the projection; what the log does not hold any more is out of it then.
    async fn begin(&mut self) -> Result<PartitionReader, FollowError> {
        let (topic, partition) = (self.topic, self.partition);
        // It may be of a topic that was here before.
        self.begin.mark_unchanged();
        // Asked for before the reader is made: with nothing read before its first end, nothing was there.
        let ends = self.ends.last_stable(topic, &[partition]).await?;
        let end = ends.first().copied().ok_or(FollowError::NoEnd { topic, partition })?;
        let position = self.projection.position(topic, partition).await?.unwrap_or(0);
        let claims = match topic {
            Topic::Attempts if position <= end => self.projection.claims(partition).await?,
            _ => Claims::default(),
        };
        self.reading.begin(claims);
        let mut reader = self.companions.read(topic, partition, From::Beginning).await?;
        let (begins_at, first) = match reader.next().await? {
            Item::Record(record) => (record.offset, Some(record)),
            Item::End => (end, None),
        };
        self.say_what_is_missing(position, begins_at, end);
        // Rows from beyond the end are of a topic that was here before.
        let (begins_at, from) =
            if position > end { (i64::MAX, begins_at) } else { (begins_at, position.max(begins_at)) };
        let mut read = self.nothing_read(from);
        read.batch.begins_at = begins_at;
        match first {
            Some(record) if record.offset == from => self.take(&mut read, &record)?,
            Some(_) => reader.seek(from).await?,
            None => {}
        }
        let next_offset = read.batch.next_offset;
        self.apply(&mut read).await?;
        // After a beginning anew it may be less than before.
        self.marks.reached.send_replace(next_offset);
        Ok(reader)
    }

    /// Runs that ended in what nobody read here stand as they stood before. Marks of transactions may be all that is missing.
    fn say_what_is_missing(&self, position: i64, begins_at: i64, end: i64) {
        let tells_of_runs = matches!(self.topic, Topic::Deliveries | Topic::Attempts);
        if tells_of_runs && position > 0 && (begins_at > position || position > end) {
            tracing::warn!(
                topic = self.topic.name(),
                partition = self.partition,
                position,
                begins_at,
                end,
                "the log does not go on where it was read; if this process was away for longer than topics.retention_ms, or \
                 the topic was made anew, deliveries that ended meanwhile stay in its history as under way: then stop it, \
                 delete its file (api.projection_path) and start it, and the history is made anew"
            );
        }
    }

    fn nothing_read(&self, next_offset: i64) -> Read {
        Read { batch: Batch::new(self.topic, self.partition, next_offset), bytes: 0 }
    }

    fn take(&mut self, read: &mut Read, record: &Record) -> Result<(), BadRecord> {
        self.reading.take(self.partition, record, &mut read.batch.changes)?;
        read.bytes += record.payload.as_ref().map_or(0, |payload| payload.len());
        read.batch.next_offset = record.offset + 1;
        Ok(())
    }

    /// Applies the batch, unless it changes nothing, and begins the next one. What the log does not hold any more goes.
    async fn flush(&mut self, read: &mut Read) -> Result<(), FollowError> {
        // Where nothing changes, the position is written now and then: from there it would be read again.
        if !read.batch.changes.is_empty() || read.bytes >= RECORDS_BYTES_MAX {
            self.apply(read).await?;
        } else {
            self.reach(read.batch.next_offset);
        }
        if self.begin.has_changed().unwrap_or(false) {
            // Of what was not read yet, nothing is there that could go.
            read.batch.begins_at = (*self.begin.borrow_and_update()).min(*self.marks.reached.borrow());
            self.apply(read).await?;
        }
        Ok(())
    }

    fn stands(&self, error: &FollowError) {
        let partition = format!("{} partition {}", self.topic.name(), self.partition);
        // The projection is the same for all partitions.
        let subject = if matches!(error, FollowError::Projection(_)) { "projection" } else { &partition };
        self.standing.stands(Part::Partition(self.topic, self.partition), subject, &error.to_string());
    }

    async fn apply(&self, read: &mut Read) -> Result<(), FollowError> {
        let reached = read.batch.next_offset;
        let next = self.nothing_read(reached);
        let mut batch = std::mem::replace(read, next).batch;
        batch.claims = self.reading.claims();
        let applied = self.projection.apply(batch).await?;
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
