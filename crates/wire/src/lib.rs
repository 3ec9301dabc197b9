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

/// A record says which schema it was written in; a later one may mean what this version would misunderstand.
pub trait Versioned: Message + Default {
    fn schema(&self) -> u32;

    /// # Errors
    /// When a later version wrote the record.
    fn known(&self) -> Result<(), LaterSchema> {
        if self.schema() > SCHEMA { Err(LaterSchema(self.schema())) } else { Ok(()) }
    }
}

/// A later version wrote the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterSchema(pub u32);

impl std::fmt::Display for LaterSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is of schema {}, this version knows up to {SCHEMA}", self.0)
    }
}

impl std::error::Error for LaterSchema {}

macro_rules! versioned {
    ($($record:ident),+) => {
        $(impl Versioned for v1::$record {
            fn schema(&self) -> u32 {
                self.schema
            }
        })+
    };
}

versioned!(SubscriptionRecord, AttemptsRecord, Delivery, PendingEntry);

pub use prost::Message;
pub use topic::{Layout, Topic};
