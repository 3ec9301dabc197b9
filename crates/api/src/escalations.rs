//! Deliveries that were given up: followed into the projection, read back in full, and what people make of them written down.

mod follow;
mod originals;
mod settle;

pub use follow::start;
pub use originals::{NotRead, Originals};
pub use settle::{NotWritten, Settling};

use crate::catch_up::CatchUp;
use aerogram_projection::Projection;

/// What the calls about escalations need.
pub struct Escalations {
    pub projection: Projection,
    pub catch_up: CatchUp,
    pub originals: Originals,
    pub settling: Settling,
}
