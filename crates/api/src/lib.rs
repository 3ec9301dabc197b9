//! The control plane. Every change of a subscription is a command: the REST side validates it, writes it to `commands` and
//! answers with its result; the command handler, one owner for each partition, decides it and writes the new state to
//! `subscriptions` in a transaction. Reads are a fold of `subscriptions` that waits for the log's end, so that two
//! instances behave as one.

mod catch_up;
mod command_handler;
mod credentials;
mod escalations;
mod fold;
mod following;
mod history;
mod records;
mod repair;
mod rest;
mod results;
mod run;
mod served;
mod submit;
mod table;
mod tasks;

pub use following::Pace as FollowPace;
pub use rest::document;
pub use run::{ABOUT, Running, run, start, start_at};
