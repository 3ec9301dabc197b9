//! `aerogram subscriptions`: administration for customers who do not set up their webhooks themselves.

mod apply;
mod carry_out;
mod change;
mod client;
mod declared;
mod existing;
mod export;
mod file;
mod keys;
mod one_url;
mod options;
mod plan;
mod report;
mod request;
mod secrets;

pub use options::SubscriptionsCommand;

use std::process::ExitCode;

/// Runs the command.
pub fn run(command: &SubscriptionsCommand) -> ExitCode {
    match command {
        SubscriptionsCommand::Apply(args) => apply::run(args),
        SubscriptionsCommand::Export(args) => export::run(args),
    }
}
