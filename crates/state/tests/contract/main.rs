//! The contract of the store, held in memory and in Redis; and what only a Redis can do wrong.

// clippy.toml allows these in test functions; here the helpers around them are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod changes;
mod full;
mod guards;
mod harness;
mod lanes;
mod leases;
mod ops;
mod outages;
mod ownership;
mod picks;
mod proxy;
mod random;
mod server;
mod unfit;
