//! The control plane over real HTTP on real Kafka (`AEROGRAM_TEST_KAFKA`; `make test` starts one).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod administrators;
mod callable;
mod catalogue;
mod contract;
mod delivery;
mod entitlement;
mod errors;
mod escalations;
mod following;
mod given_up;
mod one_url;
mod one_url_repeats;
mod ownership;
mod raw;
mod secrecy;
mod seed;
mod signing_keys;
mod world;
