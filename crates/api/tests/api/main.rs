//! The control plane over real HTTP on real Kafka (`AEROGRAM_TEST_KAFKA`; `make test` starts one).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod about;
mod administrators;
mod callable;
mod catalogue;
mod concern;
mod contract;
mod credentials;
mod deliveries;
mod delivery;
mod entitlement;
mod errors;
mod escalations;
mod events;
mod following;
mod given_up;
mod last_delivery;
mod logs;
mod one_url;
mod one_url_repeats;
mod openapi;
mod overview;
mod ownership;
mod raw;
mod renewals;
mod repair;
mod search;
mod secrecy;
mod seed;
mod served;
mod signing_keys;
mod template_previews;
mod torn;
mod world;
