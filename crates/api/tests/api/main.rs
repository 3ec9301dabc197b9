//! The control plane over real HTTP on real Kafka (`AEROGRAM_TEST_KAFKA`; `make test` starts one).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod catalogue;
mod contract;
mod delivery;
mod errors;
mod ownership;
mod raw;
mod secrecy;
mod seed;
mod signing_keys;
mod world;
