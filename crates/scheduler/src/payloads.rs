//! Reads payloads back that the store does not keep: records of `pending` where they stand, beside the session that
//! reads on.

use crate::parts::Parts;
use aerogram_domain::scheduler::{Found, ReadBack};
use aerogram_kafka::{ConnectError, From, Item, PartitionReader, ReadError, Record};
use aerogram_telemetry::names::PAYLOADS_READ_BACK_TOTAL;
use aerogram_wire::Topic;
use metrics::counter;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// What is not read by then is asked for again.
const PATIENCE: Duration = Duration::from_secs(5);
/// A reader that nobody asks fetches ahead for nothing.
const IDLE: Duration = Duration::from_secs(30);
/// So many records are read over; over more of them a seek is faster.
const READ_OVER_MAX: i64 = 500;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Reads one partition of `pending` at any offsets.
pub struct PayloadReader {
    parts: Arc<Parts>,
    partition: i32,
    open: Option<Open>,
    used_at: Instant,
}

struct Open {
    reader: PartitionReader,
    /// Every record before this offset was returned.
    passed: i64,
    /// The next one: nothing stands between.
    ahead: Option<Record>,
}

/// What stands at these offsets, which rise; as far as it could be read in time.
pub async fn read_back(reader: Arc<Mutex<PayloadReader>>, offsets: Vec<i64>) -> Vec<ReadBack> {
    let mut reader = reader.lock().await;
    let mut read = Vec::with_capacity(offsets.len());
    let outcome = timeout(PATIENCE, reader.read(&offsets, &mut read)).await;
    let partition = reader.partition;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            reader.open = None;
            tracing::warn!(partition, %error, "payloads of what is due can't be read back yet; they are asked for again");
        }
        Err(_) => {
            // A seek that was under way goes on by itself, so nobody knows where the reader will be.
            reader.open = None;
            tracing::warn!(
                partition,
                asked = offsets.len(),
                read = read.len(),
                "payloads of what is due are read back slowly; the rest is asked for again"
            );
        }
    }
    reader.used_at = Instant::now();
    let gone = read.iter().filter(|read| read.found.is_none()).count();
    counter!(PAYLOADS_READ_BACK_TOTAL, "result" => "read").increment((read.len() - gone) as u64);
    counter!(PAYLOADS_READ_BACK_TOTAL, "result" => "gone").increment(gone as u64);
    read
}

impl PayloadReader {
    /// It connects when it is first needed.
    pub fn new(parts: Arc<Parts>, partition: i32) -> Self {
        Self { parts, partition, open: None, used_at: Instant::now() }
    }

    /// Ends a reading that nobody has asked for lately.
    pub fn rest(&mut self) {
        if self.used_at.elapsed() > IDLE {
            self.open = None;
        }
    }

    async fn read(&mut self, offsets: &[i64], read: &mut Vec<ReadBack>) -> Result<(), NotRead> {
        for &offset in offsets {
            let found = match self.at(offset).await {
                // Before the log's beginning, or behind its end: no record stands there.
                Err(NotRead::Read(ReadError::OffsetOutOfRange { .. })) => {
                    self.open = None;
                    None
                }
                found => found?,
            };
            read.push(ReadBack { offset, found });
        }
        Ok(())
    }

    async fn at(&mut self, offset: i64) -> Result<Option<Found>, NotRead> {
        if self.open.is_none() {
            let client =
                self.parts.payloads.get_or_try_init(async || self.parts.cluster.companions()).await?;
            let reader = client.read(Topic::Pending, self.partition, From::Offset(offset)).await?;
            self.open = Some(Open { reader, passed: offset, ahead: None });
        }
        match &mut self.open {
            Some(open) => Ok(open.at(offset).await?),
            None => Ok(None),
        }
    }
}

impl Open {
    async fn at(&mut self, offset: i64) -> Result<Option<Found>, ReadError> {
        let next = self.ahead.as_ref().map_or(self.passed, |record| record.offset);
        if offset < self.passed || offset > next + READ_OVER_MAX {
            self.seek(offset).await?;
        }
        let mut sought = false;
        loop {
            let record = match self.ahead.take() {
                Some(record) => record,
                None => match self.reader.next().await? {
                    Item::Record(record) => record,
                    Item::End if sought || self.reader.position() > offset => return Ok(None),
                    // An end of earlier, before more was appended? Only one after a seek is new.
                    Item::End => {
                        self.seek(offset).await?;
                        sought = true;
                        continue;
                    }
                },
            };
            match record.offset.cmp(&offset) {
                Ordering::Less => self.passed = record.offset + 1,
                Ordering::Equal => {
                    self.passed = offset + 1;
                    let Record { key, payload, .. } = record;
                    return Ok(Some(Found { key: key.unwrap_or_default(), value: payload }));
                }
                Ordering::Greater => {
                    self.ahead = Some(record);
                    return Ok(None);
                }
            }
        }
    }

    async fn seek(&mut self, offset: i64) -> Result<(), ReadError> {
        self.ahead = None;
        self.reader.seek(offset).await?;
        self.passed = offset;
        Ok(())
    }
}
