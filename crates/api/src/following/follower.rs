//! Following one partition of a topic into the projection.
//!
//! Where the log begins is looked up first and then, for some topics, now and then: what retention has taken since, also while
//! this process was away, goes from the projection as well. The end is proved as for `subscriptions` (see `fold.rs`).
//!
//! Where the log does not go on where it was read, history is made anew (`domain/history/tear.rs`): whoever finds that out has the
//! projection forget the runs, and all followers of history begin at the beginning.
//!
//! A projection that can't be used, such as on a full disk, and a record that can't be understood keep what is read of the
//! partition's group from being followed and read, and nothing else: the partition stands still, says so, and begins again
//! after a while.

use std::convert::Infallible;

use aerogram_domain::history::{Away, Claims, Log, Tear};
use aerogram_domain::time::iso_millis;
use aerogram_kafka::{Companions, Ends, From, Item, PartitionReader, ReadError, Record};
use aerogram_projection::{Batch, Open, Projection, ProjectionError, ReadSoFar};
use aerogram_telemetry::names;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::Pace;
use super::reading::Reading;
use super::standing::{Part, Retry, Standing};
use crate::fold::{Marks, PATIENCE, raise};
use crate::records::BadRecord;
use crate::submit::now_ms;

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
    #[error("history is made anew")]
    MadeAnew,
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
    pub log_retention_ms: u64,
    /// Tells that history is made anew.
    pub made_anew: watch::Receiver<u64>,
    /// The generation that it follows.
    pub begun: watch::Sender<u64>,
    /// Its position in the projection, and since when it is that.
    pub remembered: watch::Sender<i64>,
    pub remembered_at: Instant,
}

/// What was read and is not applied yet.
struct Read {
    batch: Batch,
    /// That it was read for.
    generation: u64,
    /// Of the records it was made of.
    bytes: usize,
}

impl Follower {
    pub async fn run(mut self) -> Result<Infallible, FollowError> {
        self.projection.started().await?;
        let (mut retry, mut cut) = (Retry::new(self.pace), Retry::new(self.pace));
        loop {
            match self.follow().await {
                Err(FollowError::MadeAnew | FollowError::Projection(ProjectionError::MadeAnew)) => {}
                Err(error @ (FollowError::Projection(_) | FollowError::Record(_))) => {
                    self.stands(&error);
                    retry.pause().await;
                }
                Err(FollowError::Read(ReadError::OffsetOutOfRange { offset, .. })) => {
                    cut.pause_unless_first().await;
                    tracing::warn!(
                        topic = self.topic.name(),
                        partition = self.partition,
                        offset,
                        "the log does not hold any more what was to be read next"
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
                    self.remember(&mut read).await?;
                    let (wanted, reached) =
                        (*self.marks.wanted.borrow_and_update(), *self.marks.reached.borrow());
                    if wanted <= reached || to_prove.is_some() {
                        tokio::select! {
                            item = reader.next() => item?,
                            () = sleep_until(self.remembered_at + self.pace.remembered_every),
                                if self.is_to_be_remembered() =>
                            {
                                continue;
                            }
                            changed = self.marks.wanted.changed(), if watched => {
                                watched = changed.is_ok();
                                continue;
                            }
                            Ok(()) = self.made_anew.changed(), if self.is_of_history() => {
                                return Err(FollowError::MadeAnew);
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
        self.made_anew.mark_unchanged();
        // Asked for before the reader is made: with nothing read before its first end, nothing was there.
        let ends = self.ends.last_stable(topic, &[partition]).await?;
        let end = ends.first().copied().ok_or(FollowError::NoEnd { topic, partition })?;
        let so_far = self.projection.read_so_far(topic, partition).await?;
        let mut reader = self.companions.read(topic, partition, From::Beginning).await?;
        let first = match reader.next().await? {
            Item::Record(record) => Some(record),
            Item::End => None,
        };
        let log = Log {
            begins_at: first.as_ref().map_or(end, |first| first.offset),
            end,
            first_ms: first.as_ref().map(|first| first.timestamp_ms),
        };
        let (tear, away) = (self.tear(so_far, log), self.away(so_far));
        if self.is_of_history()
            && so_far.next_offset.is_some()
            && tear.is_some_and(|tear| tear.makes_anew(away))
        {
            tracing::warn!(topic = topic.name(), partition, ?tear, "history is made anew from the log");
            self.projection.make_anew(so_far.generation).await?;
            return Err(FollowError::MadeAnew);
        }
        let untold_until_ms = tear.map_or(0, |tear| self.untold_until_ms(tear, so_far, log, away));
        // What was read of another log is worth nothing.
        let known = so_far.next_offset.filter(|_| tear != Some(Tear::Another));
        self.reading.begin(if known.is_some() { so_far.claims } else { Claims::default() });
        let from = known.unwrap_or(log.begins_at).max(log.begins_at);
        let mut read = self.nothing_read(from);
        read.batch.begins_at = if tear == Some(Tear::Another) && so_far.next_offset.is_some() {
            i64::MAX
        } else {
            log.begins_at
        };
        read.batch.untold_until_ms = untold_until_ms;
        read.generation = so_far.generation;
        match first {
            Some(record) if record.offset == from => self.take(&mut read, &record)?,
            Some(_) => reader.seek(from).await?,
            None => {}
        }
        let next_offset = read.batch.next_offset;
        self.apply(&mut read).await?;
        // After a beginning anew it may be less than before.
        self.marks.reached.send_replace(next_offset);
        self.begun.send_replace(so_far.generation);
        Ok(reader)
    }

    /// It is made of runs.
    fn is_of_history(&self) -> bool {
        matches!(self.topic, Topic::Deliveries | Topic::Attempts | Topic::Pending)
    }

    fn away(&self, so_far: ReadSoFar) -> Away {
        let log_retention_ms = i64::try_from(self.log_retention_ms).unwrap_or(i64::MAX);
        Away { followed_ms: so_far.followed_ms, now_ms: now_ms(), log_retention_ms }
    }

    fn tear(&self, so_far: ReadSoFar, log: Log) -> Option<Tear> {
        let tear = Tear::of(so_far.next_offset.or(so_far.left_at), log)?;
        // Where only the last record of a key is kept, nothing is missing before the first one.
        (tear == Tear::Another || self.topic != Topic::Pending).then_some(tear)
    }

    /// What was issued before is not told from now on; says so.
    fn untold_until_ms(&self, tear: Tear, so_far: ReadSoFar, log: Log, away: Away) -> i64 {
        // The escalations are those that the log holds.
        if self.topic == Topic::Escalations {
            return 0;
        }
        let until_ms = tear.untold_until_ms(log, away);
        tracing::warn!(
            topic = self.topic.name(),
            partition = self.partition,
            ?tear,
            read_up_to = so_far.next_offset.or(so_far.left_at),
            begins_at = log.begins_at,
            end = log.end,
            not_told_before = (until_ms > 0).then(|| iso_millis(until_ms)),
            "the log does not go on where it was read: this process was away for longer than the log is kept, somebody has \
             deleted of it, or the topic was made anew; it is read on at its beginning"
        );
        until_ms
    }

    fn nothing_read(&self, next_offset: i64) -> Read {
        let batch = Batch::new(self.topic, self.partition, next_offset);
        Read { batch, generation: *self.begun.borrow(), bytes: 0 }
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

    /// Writes the position now and then: what stands before it may be taken by retention, and then it would look as if it had
    /// never been read. To be called when nothing more is there, so that it costs nothing while much is read.
    async fn remember(&mut self, read: &mut Read) -> Result<(), FollowError> {
        if self.is_to_be_remembered() && self.remembered_at.elapsed() >= self.pace.remembered_every {
            // Markers of transactions among it.
            read.batch.next_offset = *self.marks.reached.borrow();
            self.apply(read).await?;
        }
        Ok(())
    }

    fn is_to_be_remembered(&self) -> bool {
        *self.marks.reached.borrow() != *self.remembered.borrow()
    }

    fn stands(&self, error: &FollowError) {
        let partition = format!("{} partition {}", self.topic.name(), self.partition);
        // The projection is the same for all partitions.
        let subject = if matches!(error, FollowError::Projection(_)) { "projection" } else { &partition };
        self.standing.stands(Part::Partition(self.topic, self.partition), subject, &error.to_string());
    }

    async fn apply(&mut self, read: &mut Read) -> Result<(), FollowError> {
        let reached = read.batch.next_offset;
        let next = self.nothing_read(reached);
        let Read { mut batch, generation, .. } = std::mem::replace(read, next);
        batch.claims = self.reading.claims();
        batch.generation = generation;
        let applied = self.projection.apply(batch).await?;
        count(applied.open);
        self.remembered.send_replace(reached);
        self.remembered_at = Instant::now();
        self.reach(reached);
        Ok(())
    }
}

fn count(open: Open) {
    for (fault, rows) in [("receiver", open.receiver), ("platform", open.platform)] {
        metrics::gauge!(names::ESCALATIONS_OPEN, "fault" => fault).set(rows as f64);
    }
}
