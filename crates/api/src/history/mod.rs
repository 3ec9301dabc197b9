//! Deliveries and what became of them: read back in full, and shown as they were sent.

mod events;
mod keep;
mod read_back;
mod render;

pub use events::Events;
pub use keep::keep;
pub use read_back::{NotRead, ReadBack};
pub use render::{is_as_sent, render};

use aerogram_projection::Projection;

use crate::following::Following;

/// What the calls about deliveries and events need.
pub struct History {
    pub projection: Projection,
    /// Brings the deliveries up to date.
    pub rows: Following,
    /// The same for events of which no delivery tells.
    pub names: Following,
    pub events: Events,
    /// Of the topic `rejected`.
    pub rejected: ReadBack,
    /// How long ago, at most, what has ended was issued, in milliseconds.
    pub retention_ms: u64,
}

impl History {
    /// What has ended and was issued before is not shown, in milliseconds since 1970: it is too old, or some of it is gone
    /// because there was no room.
    pub fn since_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub_unsigned(self.retention_ms).max(self.projection.whole_since_ms())
    }
}
