//! What holds for the projection whatever it is used for: it is as the log says, all or nothing, and made anew where it is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod anew;
mod history;
mod list;
mod log;
mod rows;
mod together;
