//! The contract of the store, held in memory and in Redis; and what only a Redis can do wrong.

mod changes;
mod guards;
mod harness;
mod ops;
mod outages;
mod ownership;
mod picks;
mod random;
mod server;
mod unfit;
