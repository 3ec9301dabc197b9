//! Taking a batch of events: whatever is there, never waiting to fill it.

use aerogram_domain::{
    fanout::{FoldStart, Fresh, ReceiptFold, Sighting},
    identity::Position,
    prefix::Prefix,
};
use aerogram_kafka::{Failure, Item, PartitionReader, Record, Unreadable};
use aerogram_wire::{SCHEMA, Topic, headers, v1::Envelope};
use prost::Message as _;

/// A batch takes no further event beyond this.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A batch, and why nothing can be taken after it, if so.
pub struct Taken {
    pub batch: Vec<Fresh>,
    pub problem: Option<Failure>,
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
/// What cannot be read ends the batch: what stands in `events` was written by us, and skipping it would lose an event. The
/// events before it are good all the same.
pub fn take(reader: &mut PartitionReader, first: Item, progress: &mut Progress, max: usize) -> Taken {
    let partition = reader.partition();
    let mut batch: Vec<Fresh> = Vec::new();
    let filled = fill(reader, first, max, progress, &mut batch);
    // The units of the prefix are contiguous, so the batch's comes before that of an event with a receipt.
    let closed = match batch.last() {
        Some(last) => begin(progress, partition, last.position.offset, progress.fold_start.floor()),
        None => Ok(()),
    };
    let settled = filled.and_then(|receipted| match receipted {
        Some((offset, receipt_at)) => begin(progress, partition, offset, receipt_at).map(|()| {
            progress.prefix.settle(offset);
        }),
        None => Ok(()),
    });
    Taken { batch, problem: closed.and(settled).err() }
}

/// Offset and place of the receipt of the event that ended the batch because it has one.
type Receipted = Option<(i64, i64)>;

fn fill(
    reader: &mut PartitionReader,
    first: Item,
    max: usize,
    progress: &mut Progress,
    batch: &mut Vec<Fresh>,
) -> Result<Receipted, Failure> {
    let mut bytes = 0;
    let mut item = Some(first);
    while let Some(found) = item {
        if let Item::Record(record) = found {
            if let Some(receipt_at) = progress.inherited.take(record.offset) {
                return Ok(Some((record.offset, receipt_at)));
            }
            bytes += record.payload.as_ref().map_or(0, |payload| payload.len());
            batch.push(decode(reader.partition(), record)?);
        }
        item = if batch.len() < max && bytes < BATCH_BYTES_MAX { reader.try_next()? } else { None };
    }
    Ok(None)
}

fn begin(progress: &mut Progress, partition: i32, offset: i64, receipt_at: i64) -> Result<(), Failure> {
    if progress.prefix.begin(offset, receipt_at) {
        Ok(())
    } else {
        Err(format!("events partition {partition} gave offset {offset} after a later one; this is a bug")
            .into())
    }
}

/// Reads an event of `events`.
///
/// # Errors
/// No version up to this one wrote it.
pub fn decode(partition: i32, record: Record) -> Result<Fresh, Unreadable> {
    let offset = record.offset;
    let unreadable =
        |problem: String| Unreadable { topic: Topic::Events.name().to_owned(), partition, offset, problem };
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
