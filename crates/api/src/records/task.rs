//! Records of `tasks`.

use aerogram_domain::repair::TaskId;
use aerogram_kafka::Record;
use aerogram_wire::Topic;
use aerogram_wire::v1::Task;

use super::{BadRecord, check_schema, decode};

/// Decodes a record of `tasks`.
///
/// # Errors
/// When it is not one, or of a later schema.
pub fn task(partition: i32, record: &Record) -> Result<(TaskId, Task), BadRecord> {
    let bad = |reason: String| BadRecord { topic: Topic::Tasks, partition, offset: record.offset, reason };
    let decoded: Task = decode(record).map_err(bad)?;
    check_schema(decoded.schema).map_err(bad)?;
    let id = TaskId::try_from(decoded.id.as_ref());
    let id = id.map_err(|_| bad(format!("has an id of {} bytes instead of 16", decoded.id.len())))?;
    Ok((id, decoded))
}
