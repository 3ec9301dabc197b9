//! The HTTPS client of deliveries: HTTPS only, public addresses only, no redirects, one time limit over everything,
//! and responses read to a cap.

mod client;
mod connect;
mod dial;
mod excerpt;
mod failure;
mod guard;
mod lookup;
mod ports;
mod proxy;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod tls_problem;
mod url_guard;

pub use client::{EgressClient, Response, callable};
pub use failure::Failure;
pub use guard::{AddressGuard, Refused};
pub use ports::{PortGuard, RefusedPort};
pub use tls::{EgressConfigError, RootProblem};
pub use tls_problem::{TlsKind, TlsProblem};
pub use url_guard::{RefusedUrl, UrlGuard};
