//! Deliveries that were given up: followed into the projection, read back in full, and what people make of them written down.

mod beginnings;
mod finish;
mod follow;
mod originals;
mod settle;
mod standing;

pub use finish::finish;
pub use follow::{Pace, start};
pub use originals::{NotRead, Originals};
pub use settle::{NotWritten, Settling};
pub use standing::Following;

use aerogram_projection::Projection;

/// What the calls about escalations need.
pub struct Escalations {
    pub projection: Projection,
    pub catch_up: Following,
    pub originals: Originals,
    pub settling: Settling,
}
