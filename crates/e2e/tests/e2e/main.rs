//! The real binaries as processes on real Kafka and Redis. What a receiver wrote down is the only oracle; nothing here
//! asserts how fast something is, only that it is not early, not lost, not repeated beyond the stated cap.

mod authentication;
mod bad_surroundings;
mod cluster;
mod delete_in_force;
mod demo;
mod docs_demo;
mod docs_page;
mod docs_publish;
mod docs_readme;
mod docs_receive;
mod docs_run;
mod egress;
mod evicting;
mod failover;
mod intake;
mod key_rotation;
mod main_path;
mod mapping;
mod publish;
mod recalled;
mod redis_wiped;
mod rejected;
mod rest;
mod retries;
mod run_in_one;
mod setup;
mod stands_still;
mod templates;
mod topics;
