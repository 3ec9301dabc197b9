//! Following one partition of `subscriptions` into the table (or of `tasks` into theirs), and saying for certain how far it has come.
//!
//! Transaction markers occupy offsets: after a commit the partition ends one offset past the last record, and no record
//! will ever say that this end was reached. The reader's own position counts the markers it has read, and most often says
//! it. Only when an end is asked for and nothing more arrives, the reader is made to seek to where it is; the end it says
//! after that was said later than the end was asked for. That takes two fetches that wait in vain, some 40 ms.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aerogram_kafka::{Item, PartitionReader, ReadError, Record};
use tokio::sync::watch;

use crate::records::BadRecord;

/// How long records may be on their way before the reader is made to say where it is.
pub const PATIENCE: Duration = Duration::from_millis(2);

/// Why a partition can't be followed further.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Record(#[from] BadRecord),
}

/// What others see of a fold.
pub struct FoldHandle {
    wanted: watch::Sender<i64>,
    reached: watch::Receiver<i64>,
}

impl FoldHandle {
    /// With what the fold keeps of it.
    pub fn new() -> (Self, Marks) {
        let (wanted, wishes) = watch::channel(0);
        let (reached, seen) = watch::channel(0);
        (Self { wanted, reached: seen }, Marks { wanted: wishes, reached })
    }

    /// How far the fold is, as it changes.
    pub fn reached(&self) -> watch::Receiver<i64> {
        self.reached.clone()
    }

    /// Has the fold find out that it has reached `end`, an offset that the broker named as the partition's end.
    pub fn want(&self, end: i64) {
        if *self.reached.borrow() < end {
            self.wanted.send_if_modified(|wanted| raise(wanted, end));
        }
    }

    /// Waits until everything before `end`, an offset that the broker named as the partition's end, is in the table.
    ///
    /// # Errors
    /// When the fold has ended.
    pub async fn reach(&self, end: i64) -> Result<(), watch::error::RecvError> {
        self.want(end);
        let mut reached = self.reached.clone();
        if *reached.borrow() < end {
            reached.wait_for(|reached| *reached >= end).await?;
        }
        Ok(())
    }
}

/// Offsets up to which a fold is wanted, and is.
pub struct Marks {
    pub wanted: watch::Receiver<i64>,
    pub reached: watch::Sender<i64>,
}

/// What the records of a topic are folded into.
pub trait Folded {
    /// Takes in the next record of a partition.
    ///
    /// # Errors
    /// When it is not one of the topic's.
    fn take(&self, partition: i32, record: &Record) -> Result<(), BadRecord>;
}

/// The fold of one partition.
pub struct Fold<T> {
    reader: PartitionReader,
    into: Arc<T>,
    wanted: watch::Receiver<i64>,
    reached: watch::Sender<i64>,
}

impl<T: Folded> Fold<T> {
    /// Takes a reader that begins at the beginning.
    pub fn new(reader: PartitionReader, into: Arc<T>) -> (Self, FoldHandle) {
        let (handle, Marks { wanted, reached }) = FoldHandle::new();
        (Self { reader, into, wanted, reached }, handle)
    }

    /// Follows the partition for ever. `first_end` was asked for before the reader was made.
    ///
    /// # Errors
    /// When the partition can't be read on, or holds what it must not.
    pub async fn run(mut self, first_end: i64) -> Result<Infallible, FoldError> {
        self.read_until(first_end).await?;
        let mut watched = true;
        loop {
            let wanted = *self.wanted.borrow_and_update();
            if wanted > self.position() {
                if let Some(item) = self.reader.try_next()? {
                    self.take(item)?;
                    continue;
                }
                self.advance(self.reader.position());
                if wanted <= self.position() {
                    continue;
                }
                match tokio::time::timeout(PATIENCE, self.reader.next()).await {
                    Ok(item) => self.take(item?)?,
                    Err(_) => {
                        let position = self.position();
                        self.reader.seek(position).await?;
                        self.read_until(wanted).await?;
                    }
                }
                continue;
            }
            tokio::select! {
                item = self.reader.next() => self.take(item?)?,
                changed = self.wanted.changed(), if watched => watched = changed.is_ok(),
            }
        }
    }

    /// Reads on until `end`, which was asked for before the reader was made or made to seek.
    async fn read_until(&mut self, end: i64) -> Result<(), FoldError> {
        while self.position() < end {
            match self.reader.next().await? {
                Item::End => self.advance(end),
                item @ Item::Record(_) => self.take(item)?,
            }
        }
        Ok(())
    }

    /// An end that nobody asked for proves nothing: it may have been said long ago.
    fn take(&mut self, item: Item) -> Result<(), FoldError> {
        if let Item::Record(record) = item {
            self.into.take(self.reader.partition(), &record)?;
            self.advance(record.offset + 1);
        }
        Ok(())
    }

    /// Everything before this offset is in the table.
    fn position(&self) -> i64 {
        *self.reached.borrow()
    }

    fn advance(&self, position: i64) {
        self.reached.send_if_modified(|reached| raise(reached, position));
    }
}

/// Never down; whether it rose.
pub fn raise(value: &mut i64, to: i64) -> bool {
    let higher = to > *value;
    *value = to.max(*value);
    higher
}
