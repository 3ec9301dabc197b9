//! The deliverer: owns partitions of `deliveries` and sends what is in them.
//!
//! Read [`pipeline`] first, then [`session`] (one ownership of one partition). Every decision is made by
//! `aerogram_domain::deliverer`; what stands here reads, writes, sends and reports.

mod begin;
mod carry_out;
mod commands;
mod configure;
mod failed;
mod gate;
mod observe;
mod owner;
mod parts;
mod pipeline;
mod request;
mod secrets;
mod session;
mod templates;
mod top;

pub use pipeline::run;
