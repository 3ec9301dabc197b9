//! The command line of `aerogram rejected`.

use aerogram_settings::RoleArgs;
use clap::{ArgGroup, Args, Subcommand};

use crate::http::Access;
use crate::options::at_least_one;

const EXIT_STATUS: &str = "\
The token is that of an administrator: [[admins]] of the credentials file.

Exit status: 0 done; 1 it did not work; 2 the command line or the configuration is wrong.";

#[derive(Subcommand)]
pub enum RejectedCommand {
    /// List what is open, newest first
    #[command(after_help = EXIT_STATUS)]
    List(ListArgs),
    /// Show one with its errors, headers and payload
    #[command(after_help = EXIT_STATUS)]
    Show(ShowArgs),
    /// Have records decided about again, by the rules that ingest runs with today; oldest first
    #[command(after_help = "\
What is accepted is published as if it had come just now, and is not listed any more. What is still wrong stays, and is told.

The token is that of an administrator: [[admins]] of the credentials file.

Exit status: 0 all were accepted; 1 one was not; 2 the command line or the configuration is wrong.")]
    Retry(RetryArgs),
}

/// Where ingest is.
#[derive(Args)]
pub struct Ingest {
    /// Where ingest listens, such as http://127.0.0.1:8081 [default: ingest.listen]
    #[arg(long, value_name = "URL")]
    pub ingest: Option<String>,
    #[command(flatten)]
    pub access: Access,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub role: RoleArgs,
}

#[derive(Args)]
pub struct ListArgs {
    /// So many at most
    #[arg(long, value_name = "N", default_value = "50", value_parser = at_least_one)]
    pub limit: usize,
    /// What was accepted meanwhile as well
    #[arg(long)]
    pub all: bool,
    /// Only those with this code, such as missing_field
    #[arg(long, value_name = "CODE")]
    pub reason: Option<String>,
    /// Only those from this upstream topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    #[command(flatten)]
    pub reach: Ingest,
}

#[derive(Args)]
pub struct ShowArgs {
    /// Its number in the list
    #[arg(value_name = "OFFSET")]
    pub offset: u64,
    #[command(flatten)]
    pub reach: Ingest,
}

#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).args(["offsets", "all"]))]
pub struct RetryArgs {
    /// Their numbers in the list
    #[arg(value_name = "OFFSET")]
    pub offsets: Vec<u64>,
    /// Everything that is open
    #[arg(long)]
    pub all: bool,
    /// With --all: only those with this code, such as missing_field
    #[arg(long, value_name = "CODE", requires = "all")]
    pub reason: Option<String>,
    /// With --all: only those from this upstream topic
    #[arg(long, value_name = "TOPIC", requires = "all")]
    pub topic: Option<String>,
    #[command(flatten)]
    pub reach: Ingest,
}
