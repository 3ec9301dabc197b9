//! What travels through Kafka: the record types compiled from `proto/aerogram/v1`, the one list of topics, the keys and
//! the partitioner. Pure: no client of anything.

pub mod headers;
pub mod key;
pub mod partitioner;
pub mod topic;

/// The record types of schema 1.
#[allow(clippy::all, reason = "generated")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/aerogram.v1.rs"));
}

/// The schema number every record carries today.
pub const SCHEMA: u32 = 1;

pub use prost::Message;
pub use topic::{Layout, Topic};
