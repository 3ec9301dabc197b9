//! The control plane over real HTTP on real Kafka (`AEROGRAM_TEST_KAFKA`; `make test` starts one).

mod contract;
mod errors;
mod ownership;
mod raw;
mod secrecy;
mod world;
