//! Partitions read by hand beside a group's.

use aerogram_wire::Topic;

use crate::reader::{PartitionReader, ReadError};

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Beginning,
    Offset(i64),
    /// The first record at or after this broker time, in milliseconds since 1970; the end if there is none.
    Time(i64),
}

pub struct Companions {}

impl Companions {
    pub async fn read(&self, _topic: Topic, _partition: i32, _from: From) -> Result<PartitionReader, ReadError> { unimplemented!() }
}
