//! The real binaries as processes on real Kafka and Redis. What a receiver wrote down is the only oracle; nothing here
//! asserts how fast something is, only that it is not early, not lost, not repeated beyond the stated cap.

mod bad_surroundings;
mod cluster;
mod delete_in_force;
mod failover;
mod intake;
mod main_path;
mod publish;
mod redis_wiped;
mod rest;
mod retries;
mod setup;
mod topics;
