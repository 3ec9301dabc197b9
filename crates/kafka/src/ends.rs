//! Where partitions end.

use aerogram_wire::Topic;

use crate::reader::ReadError;

#[derive(Clone)]
pub struct Ends {}

impl Ends {
    pub async fn last_stable(&self, _topic: Topic, _partitions: &[i32]) -> Result<Vec<i64>, ReadError> { unimplemented!() }
    pub async fn high_watermarks(&self, _topic: Topic, _partitions: &[i32]) -> Result<Vec<i64>, ReadError> { unimplemented!() }
    pub async fn all_last_stable(&self, _topic: Topic) -> Result<Vec<i64>, ReadError> { unimplemented!() }
}
