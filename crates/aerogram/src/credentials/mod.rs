//! `aerogram credentials`: tokens, and the file that says who may call. Nothing is asked of anybody: the file is the one truth.

mod append;
mod check;
mod make;
mod options;
mod token;

pub use options::CredentialsCommand;

use std::process::ExitCode;

use aerogram_domain::credentials::Problem;

/// Runs the command.
pub fn run(command: &CredentialsCommand) -> ExitCode {
    match command {
        CredentialsCommand::New { whose } => make::run(whose),
        CredentialsCommand::Check(args) => check::run(args),
    }
}

/// All mistakes, below what they are mistakes of.
fn with_problems(what: &str, problems: &[Problem]) -> String {
    let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("{what}{lines}")
}
