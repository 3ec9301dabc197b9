//! Taking a batch of events: whatever is there, never waiting to fill it.

use aerogram_domain::{
    fanout::{FoldStart, Fresh, ReceiptFold, Sighting},
    identity::Position,
    prefix::Prefix,
};
use aerogram_kafka::{Item, PartitionReader, ReadError, Record};
use aerogram_wire::{SCHEMA, headers, v1::Envelope};
use prost::Message as _;

/// A batch takes no further event beyond this.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What stands in `events` was written by us; what cannot be read stops the partition.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "events partition {partition} offset {offset} is unreadable: {detail}. It is not skipped, because an event \
         would be lost; run a version that knows it"
    )]
    Record { partition: i32, offset: i64, detail: String },
    #[error("events partition {partition} gave offset {offset} after a later one; this is a bug")]
    Order { partition: i32, offset: i64 },
}

/// What is known of a partition's offsets.
pub struct Progress {
    /// Each unit holds where its receipt stands, or before which offset of `matches` it does not.
    pub prefix: Prefix<i64>,
    pub inherited: ReceiptFold,
    pub fold_start: FoldStart,
}

/// Begins a batch with `first`, and takes what is there without waiting, at most `max` events. Events that have a
/// receipt are settled at once and are not part of it. The batch is one unit of the prefix, under its last offset.
///
/// # Errors
/// The partition cannot be read, or a record of it.
pub fn take(
    reader: &mut PartitionReader,
    first: Item,
    progress: &mut Progress,
    max: usize,
) -> Result<Vec<Fresh>, BatchError> {
    let partition = reader.partition();
    let mut batch: Vec<Fresh> = Vec::new();
    let mut bytes = 0;
    let mut item = Some(first);
    while let Some(found) = item {
        if let Item::Record(record) = found {
            if let Some(receipt_at) = progress.inherited.take(record.offset) {
                // The batch ends here: its units are contiguous.
                close(&batch, progress, partition)?;
                begin(progress, partition, record.offset, receipt_at)?;
                progress.prefix.settle(record.offset);
                return Ok(batch);
            }
            bytes += record.payload.as_ref().map_or(0, |payload| payload.len());
            batch.push(decode(partition, record)?);
        }
        item = if batch.len() < max && bytes < BATCH_BYTES_MAX { reader.try_next()? } else { None };
    }
    close(&batch, progress, partition)?;
    Ok(batch)
}

fn close(batch: &[Fresh], progress: &mut Progress, partition: i32) -> Result<(), BatchError> {
    match batch.last() {
        Some(last) => begin(progress, partition, last.position.offset, progress.fold_start.floor()),
        None => Ok(()),
    }
}

fn begin(progress: &mut Progress, partition: i32, offset: i64, receipt_at: i64) -> Result<(), BatchError> {
    if progress.prefix.begin(offset, receipt_at) {
        Ok(())
    } else {
        Err(BatchError::Order { partition, offset })
    }
}

fn decode(partition: i32, record: Record) -> Result<Fresh, BatchError> {
    let offset = record.offset;
    let unreadable = |detail: String| BatchError::Record { partition, offset, detail };
    let traceparent =
        record.header(headers::TRACEPARENT).map(|value| String::from_utf8_lossy(value).into_owned());
    let payload = record.payload.ok_or_else(|| unreadable("it is empty".to_owned()))?;
    let envelope = Envelope::decode(payload).map_err(|error| unreadable(error.to_string()))?;
    if envelope.schema > SCHEMA {
        return Err(unreadable(format!("it has schema {}, {SCHEMA} is known", envelope.schema)));
    }
    if envelope.event.is_none() {
        return Err(unreadable("it holds no event".to_owned()));
    }
    Ok(Fresh {
        position: Position { partition, offset },
        appended_at_ms: record.timestamp_ms,
        envelope,
        traceparent: traceparent.unwrap_or_default(),
        sighting: Sighting::First,
    })
}
