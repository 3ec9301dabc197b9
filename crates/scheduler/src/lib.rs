//! The scheduler: folds `pending` into its store and fires what is due into `deliveries`.
//!
//! Read [`pipeline`] first, then [`session`]. Every decision is made by `aerogram_domain::scheduler`.

mod carry_out;
mod observe;
mod owner;
mod parts;
mod payloads;
mod pipeline;
mod session;
mod store;
mod top;

pub use pipeline::run;
