//! The role that matches events with subscriptions: one record of `deliveries` for each match, and a receipt in `matches`
//! for each batch. Read [`pipeline`] first. The decisions are in `aerogram_domain::{matching, fanout}`.

mod batch;
mod dedupe;
mod inherit;
mod options;
mod partition;
mod pipeline;
mod publish;
mod table;
mod window;

pub use dedupe::{Dedupe, DedupeError, MemoryDedupe, RedisDedupe};
pub use pipeline::run;
