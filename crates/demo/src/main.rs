//! Shows Aerogram at work: an HTTPS receiver, subscriptions over REST, events published to the upstream Kafka topics,
//! and every delivery on the terminal. In the end it judges by the receiver's own log whether all came that was due.

mod addresses;
mod credentials;
mod customers;
mod ledger;
mod opening;
mod options;
mod report;
mod run;
mod screen;
mod signals;
mod stories;
mod system;
mod watch;

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run::run(options::Options::parse())).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // There is nowhere left to complain when standard error is closed.
            let _ = writeln!(std::io::stderr(), "\nthe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
