//! The HTTPS client of deliveries: HTTPS only, public addresses only, no redirects, one time limit over everything,
//! and responses read to a cap.

mod client;
mod connect;
mod failure;
mod guard;
#[cfg(test)]
mod tests;
mod tls;

pub use client::{EgressClient, Response};
pub use failure::Failure;
pub use guard::{AddressGuard, Refused};
pub use tls::{EgressConfigError, RootProblem};
