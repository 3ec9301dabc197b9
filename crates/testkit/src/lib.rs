//! What end-to-end tests and the benchmark stand on: a [`Rig`] with Kafka and Redis of the run, HTTPS receivers whose
//! own log is the oracle, role binaries as child processes, producers of upstream records, and an independent check of
//! signatures. Nothing in here uses the product's own code, so that a mistake there cannot hide itself here.

pub mod ca;
pub mod http;
pub mod ports;
pub mod process;
pub mod receiver;
pub mod rig;
pub mod services;
pub mod upstream;
pub mod verify;

pub use ca::Ca;
pub use http::{Answer, HttpClient};
pub use process::{Process, Role};
pub use receiver::{Behaviour, Receiver, Reply, Request};
pub use rig::Rig;
pub use upstream::{Record, Upstream, UpstreamEvent};
