//! Reads stretches of `rejected`.

use aerogram_kafka::{Cluster, Companions, ConnectError, From, Item, PartitionReader, ReadError, Record};
use aerogram_wire::Topic;
use std::{ops::Range, time::Duration};
use tokio::time::{Instant, error::Elapsed, timeout_at};

/// `rejected` has one partition.
const PARTITION: i32 = 0;

/// Why a stretch was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TailError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It takes longer than a request may.
    #[error("reading takes too long")]
    Late,
}

impl std::convert::From<Elapsed> for TailError {
    fn from(_: Elapsed) -> Self {
        TailError::Late
    }
}

/// Where a stretch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stretch {
    Read,
    /// Its beginning is not kept any more: nothing was read.
    Deleted,
}

/// A reader that goes on where the last request stopped, for retries come in the order of offsets.
pub(super) struct Tail {
    cluster: Cluster,
    client: Option<Companions>,
    /// And the offset it will read next.
    open: Option<(PartitionReader, i64)>,
    used: Instant,
}

impl Tail {
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, client: None, open: None, used: Instant::now() }
    }

    /// The offset after the last record.
    pub async fn end(&self, deadline: Instant) -> Result<i64, TailError> {
        let ends = self.cluster.ends()?;
        let ends = timeout_at(deadline, ends.last_stable(Topic::Rejected, &[PARTITION])).await??;
        Ok(ends.into_iter().next().unwrap_or(0))
    }

    /// The offset of the first record that is still kept; the end if there is none.
    pub async fn first(&mut self, deadline: Instant) -> Result<i64, TailError> {
        self.open = None;
        let client = self.client()?;
        let reading = async {
            let mut reader = client.read(Topic::Rejected, PARTITION, From::Beginning).await?;
            match reader.next().await? {
                Item::Record(record) => Ok(Some(record.offset)),
                Item::End => Ok::<_, TailError>(None),
            }
        };
        match timeout_at(deadline, reading).await?? {
            Some(offset) => Ok(offset),
            None => self.end(deadline).await,
        }
    }

    /// Gives every record of the stretch to `each`, in order. Its end must not lie behind the end of the topic.
    pub async fn read(
        &mut self,
        stretch: Range<i64>,
        deadline: Instant,
        each: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Stretch, TailError> {
        let mut reader = timeout_at(deadline, self.reader_at(stretch.start)).await??;
        let mut next = stretch.start;
        while next < stretch.end {
            match timeout_at(deadline, reader.next()).await? {
                Ok(Item::Record(record)) if record.offset < stretch.end => {
                    next = record.offset + 1;
                    each(record);
                }
                // Behind a gap; the reader has passed on.
                Ok(Item::Record(_)) => return Ok(Stretch::Read),
                Ok(Item::End) => break,
                Err(ReadError::OffsetOutOfRange { .. }) if next == stretch.start => {
                    return Ok(Stretch::Deleted);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.open = Some((reader, next));
        Ok(Stretch::Read)
    }

    pub fn close_if_idle(&mut self, idle: Duration) {
        if self.used.elapsed() >= idle {
            self.open = None;
            self.client = None;
        }
    }

    async fn reader_at(&mut self, offset: i64) -> Result<PartitionReader, TailError> {
        match self.open.take() {
            Some((reader, next)) if next == offset => {
                self.used = Instant::now();
                Ok(reader)
            }
            Some((mut reader, _)) => {
                self.used = Instant::now();
                reader.seek(offset).await?;
                Ok(reader)
            }
            None => Ok(self.client()?.read(Topic::Rejected, PARTITION, From::Offset(offset)).await?),
        }
    }

    fn client(&mut self) -> Result<Companions, TailError> {
        self.used = Instant::now();
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = self.cluster.companions()?;
        self.client = Some(client.clone());
        Ok(client)
    }
}
