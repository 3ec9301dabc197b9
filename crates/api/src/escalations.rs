//! Deliveries that were given up: read back in full, and what people make of them written down.

mod finish;
mod originals;
mod settle;

pub use finish::finish;
pub use originals::Originals;
pub use settle::{NotWritten, Settling};

use aerogram_projection::Projection;

use crate::following::Following;

/// What the calls about escalations need.
pub struct Escalations {
    pub projection: Projection,
    pub catch_up: Following,
    pub originals: Originals,
    pub settling: Settling,
}
