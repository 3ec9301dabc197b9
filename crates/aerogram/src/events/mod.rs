//! `aerogram events`: tools for those who publish.

mod kafka;
mod options;
mod over_http;
mod publish;
mod read;
mod validate;
mod verdict;

pub use options::EventsCommand;

use std::process::ExitCode;

/// Runs the command.
pub fn run(command: &EventsCommand) -> ExitCode {
    match command {
        EventsCommand::Validate(args) => validate::run(args),
        EventsCommand::Publish(args) => publish::run(args),
    }
}
