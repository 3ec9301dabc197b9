//! Against a real Kafka, whose address is in `AEROGRAM_TEST_KAFKA`; `make test` starts one. Each test has a topic prefix
//! and groups of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod companions;
mod groups;
mod proxy;
mod rig;
mod stopped_owner;
mod topics;
mod transactions;
mod writers;
