//! `aerogram deliveries`: what was sent is sent again, and what a receiver does is tried out. All of it is asked of the api.

mod options;
mod repair;
#[cfg(test)]
mod tests;

pub use options::DeliveriesCommand;

use std::process::ExitCode;

/// Runs the command.
pub fn run(command: &DeliveriesCommand) -> ExitCode {
    let who = match command {
        DeliveriesCommand::Redeliver(args) => &args.who,
        DeliveriesCommand::Replay(args) => &args.who,
        DeliveriesCommand::Test(args) => &args.who,
        DeliveriesCommand::Tasks(args) => &args.who,
        DeliveriesCommand::Cancel(args) => &args.who,
    };
    who.ask(async |http| match command {
        DeliveriesCommand::Redeliver(args) => repair::redeliver(http, args).await,
        DeliveriesCommand::Replay(args) => repair::replay(http, args).await,
        DeliveriesCommand::Test(args) => repair::test(http, args).await,
        DeliveriesCommand::Tasks(args) => repair::tasks(http, args).await,
        DeliveriesCommand::Cancel(args) => repair::cancel(http, args).await,
    })
}
