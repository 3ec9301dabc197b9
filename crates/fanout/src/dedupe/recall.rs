//! What the store in memory would know of a partition if it had lived longer, read from `events`.
//!
//! Without it an upstream record that ingest wrote twice, around a crash, would be matched as new by a fanout that was
//! started between the two, and its receivers would get the same event under another webhook-id.

use super::memory::{IDENTITIES_MAX, MemoryDedupe};
use crate::batch;
use aerogram_domain::identity::EventIdentity;
use aerogram_kafka::{Companions, Ends, From, Item, ReadError};
use aerogram_telemetry::wall_ms;
use aerogram_wire::Topic;
use std::time::Duration;

/// Older events are not read again. Ingest repeats what it had not committed, which is seconds old when it is started again;
/// publishers repeat what was not acknowledged within minutes. The whole time for which identities are remembered is a day
/// or more, and reading that at every start would keep new events waiting.
const BACK_MAX: Duration = Duration::from_secs(3_600);

/// Reads `events` of the partition up to `upto`, for as far back as is worth it.
///
/// # Errors
/// It cannot be read.
pub async fn recall(
    memory: &MemoryDedupe,
    companions: &Companions,
    ends: &Ends,
    partition: i32,
    partitions: i32,
    upto: i64,
    layout_id: &str,
) -> Result<(), ReadError> {
    let now_ms = wall_ms();
    let back_ms = i64::try_from(memory.ttl().min(BACK_MAX).as_millis()).unwrap_or(i64::MAX);
    let since = ends.at_time(Topic::Events, partition, now_ms - back_ms).await?;
    // More than its share of the memory would push out what other partitions have there.
    let share = i64::try_from(IDENTITIES_MAX).unwrap_or(i64::MAX) / i64::from(partitions.max(1));
    let from = since.max(upto - share);
    if from >= upto {
        return Ok(());
    }
    let mut reader = companions.read(Topic::Events, partition, From::Offset(from)).await?;
    let mut recalled = 0_u64;
    loop {
        let record = match reader.next().await {
            Ok(Item::Record(record)) => record,
            Ok(Item::End) => break,
            // Retention has just taken it. What it held is old, and to be matched again it would have to come again.
            Err(gone @ ReadError::OffsetOutOfRange { .. }) => {
                tracing::warn!(partition, "earlier events are not recalled: {gone}");
                break;
            }
            Err(error) => return Err(error),
        };
        let (offset, age_ms) = (record.offset, now_ms - record.timestamp_ms);
        if offset >= upto {
            break;
        }
        match batch::decode(partition, record) {
            Ok(fresh) => {
                if let Some(event) = &fresh.envelope.event {
                    let identity =
                        EventIdentity { scope: &fresh.envelope.scope, source: &event.source, id: &event.id };
                    let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
                    memory.recall(identity.hash(layout_id), fresh.position, age);
                    recalled += 1;
                }
            }
            // It was settled by a version that could read it. A repetition of it is all that may be missed.
            Err(problem) => tracing::warn!(partition, "while recalling what was seen: {problem}"),
        }
        if offset + 1 >= upto {
            break;
        }
    }
    tracing::info!(partition, from, upto, recalled, "identities of earlier events recalled");
    Ok(())
}
