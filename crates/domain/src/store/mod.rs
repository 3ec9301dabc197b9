//! What the scheduler's store does, as pure functions: the meaning that the Redis scripts and the in-memory store share.
//!
//! Each operation is one atomic script that first compares owner and applied offset with what the caller believes, so a
//! store that was wiped, rolled back, failed over or taken over answers [`StoreReply::Mismatch`] and changes nothing.
//!
//! What waits is kept as a position in `pending` and, while there is room for it, with its payload.

mod execute;
mod op;
mod state;
#[cfg(test)]
mod tests;

pub use execute::execute;
pub use op::{Guard, Keep, Payloads, Picked, StoreOp, StoreReply, Under};
pub use state::StoreState;

use bytes::Bytes;

/// Clocks of hosts may differ by so much. A position that lies further in the future was told by a clock that has been
/// set back since, and then nobody knows how old it is.
pub const CLOCKS_DIFFER_MAX_MS: i64 = 10_000;

/// How many wait in a lane.
pub type Waiting = (Bytes, usize);

/// One change that a record of `pending` makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Put {
        key: Bytes,
        entry: Entry,
    },
    /// A tombstone.
    Remove {
        key: Bytes,
    },
}

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it is due; of what is parked, since when it is.
    pub due_at_ms: i64,
    /// Where its record stands in `pending`.
    pub offset: i64,
    pub payload: Payload,
    /// It waits in this lane for a credit; `None`: until it is due.
    pub lane: Option<Bytes>,
    /// It was certainly not fired before.
    pub first: bool,
}

/// The value of an entry's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload {
    Here(Bytes),
    /// Only in the log, where the record has so many bytes.
    InLog {
        bytes: u32,
    },
}

impl Payload {
    /// How large it is, wherever it is.
    pub fn bytes(&self) -> usize {
        match self {
            Payload::Here(value) => value.len(),
            Payload::InLog { bytes } => *bytes as usize,
        }
    }

    /// The same without the value.
    #[must_use]
    pub fn in_log(&self) -> Self {
        Payload::InLog { bytes: u32::try_from(self.bytes()).unwrap_or(u32::MAX) }
    }
}

impl Change {
    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        match self {
            Change::Put { key, entry } => key.len() + entry.payload.bytes(),
            Change::Remove { key } => key.len(),
        }
    }

    pub fn key(&self) -> &Bytes {
        match self {
            Change::Put { key, .. } | Change::Remove { key } => key,
        }
    }
}
