//! The command people type: everything in one process, the topics, the configuration.

mod ask;
mod attempts;
mod catalogue;
mod credentials;
mod deliveries;
mod ending;
mod escalations;
mod events;
#[cfg(test)]
mod fake_api;
mod http;
mod options;
mod reach;
mod rejected;
mod run;
mod runtime;
mod subscriptions;
mod table;
mod top;
mod topics;
mod why;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use aerogram_settings::{LogFormat, Role, RoleArgs, Settings, Start};
use aerogram_telemetry::init_logging;
use clap::Parser as _;

use options::{Command, ConfigCommand, Options};

/// Something is not as it should be, or did not work.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong.
const WRONG_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    match Options::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Topics { command } => topics::run(command),
        Command::Catalogue { command } => catalogue::run(&command),
        Command::Events { command } => events::run(&command),
        Command::Rejected { command } => rejected::run(&command),
        Command::Escalations { command } => escalations::run(&command),
        Command::Deliveries { command } => deliveries::run(&command),
        Command::Credentials { command } => credentials::run(&command),
        Command::Subscriptions { command } => subscriptions::run(&command),
        Command::Top(args) => top::run(&args),
        Command::Why(args) => why::run(&args),
        Command::Config { command: ConfigCommand::Check(args) } => check_config(&args),
        Command::Version => say(&format!("aerogram {}", env!("CARGO_PKG_VERSION"))),
    }
}

fn check_config(args: &RoleArgs) -> ExitCode {
    let settings = match with_settings(args) {
        Ok(settings) => settings,
        Err(ended) => return ended,
    };
    // What the settings name in files and say of event types, as ingest would find it at start.
    match aerogram_ingest::Intake::from_settings(&settings) {
        Ok(_) => say(settings.redacted().trim_end()),
        Err(problems) => complain(WRONG_CONFIGURATION, &problems),
    }
}

/// The settings, or how the command ends without them.
fn with_settings(args: &RoleArgs) -> Result<Box<Settings>, ExitCode> {
    match args.start() {
        Ok(Start::Run(settings)) => Ok(settings),
        Ok(Start::Print(text)) => Err(say(text.trim_end())),
        Err(errors) => Err(complain(WRONG_CONFIGURATION, &errors)),
    }
}

/// Progress goes to standard error as text: whoever types the command reads it.
fn log(settings: &Settings) -> Result<(), ExitCode> {
    init_logging(Role::All, LogFormat::Text, &settings.telemetry.log_filter)
        .map_err(|error| complain(WRONG_CONFIGURATION, &error))
}

fn say(text: &str) -> ExitCode {
    // A reader that closes the pipe early, as `head` does, has had what it wanted.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::SUCCESS
}

fn complain(status: u8, error: &dyn Display) -> ExitCode {
    // There is nowhere left to complain when standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(status)
}
