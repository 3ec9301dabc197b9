//! The command line of `aerogram deliveries`.

use clap::{ArgGroup, Args, Subcommand};

use crate::reach::Who;

const HELP: &str = "\
The token is that of an administrator: [[admins]] of the credentials file. With --client-id it is that of an operator, and all of
this is about that partner's own deliveries.

Exit status: 0 done; 1 it did not work, or the receiver did not take it; 2 the command line or the configuration is wrong.";

#[derive(Subcommand)]
pub enum DeliveriesCommand {
    /// Send one again, or all that match
    #[command(after_help = HELP)]
    Redeliver(RedeliverArgs),
    /// Send what was accepted in a time to a subscription, as it would match today
    #[command(after_help = HELP)]
    Replay(ReplayArgs),
    /// Send a test event once, and show what the receiver answers
    #[command(after_help = HELP)]
    Test(TestArgs),
    /// Show redeliveries of many and replays, newest first
    #[command(after_help = HELP)]
    Tasks(TasksArgs),
    /// Send nothing more of a redelivery of many, or of a replay
    #[command(after_help = HELP)]
    Cancel(CancelArgs),
}

/// How a task is begun.
#[derive(Args, Default)]
pub struct Begin {
    /// Only tell how much there is
    #[arg(long)]
    pub dry_run: bool,
    /// Do not wait until all is written down to be sent
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "all"]))]
pub struct RedeliverArgs {
    /// Its id
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// All that match; what was given up, unless --status says something else
    #[arg(long)]
    pub all: bool,
    /// How they ended: ESCALATED, DELIVERED, CANCELLED, SUPERSEDED, EXPIRED
    #[arg(long, value_name = "STATUS", requires = "all", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Of this subscription
    #[arg(long, value_name = "ID", requires = "all")]
    pub subscription: Option<String>,
    /// Of events of this type
    #[arg(long, value_name = "TYPE", requires = "all")]
    pub event: Option<String>,
    /// Of events about this flight, order or contract
    #[arg(long, value_name = "SUBJECT", requires = "all")]
    pub subject: Option<String>,
    /// Issued at this time or later, such as 2026-05-04T10:30:00Z
    #[arg(long, value_name = "TIME", requires = "all")]
    pub since: Option<String>,
    /// Issued before this time
    #[arg(long, value_name = "TIME", requires = "all")]
    pub until: Option<String>,
    #[command(flatten)]
    pub begin: Begin,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct ReplayArgs {
    /// Id of the subscription
    #[arg(value_name = "SUBSCRIPTION_ID")]
    pub subscription: String,
    /// Accepted at this time or later, such as 2026-05-04T10:30:00Z
    #[arg(long, value_name = "TIME")]
    pub since: String,
    /// Accepted before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Also what was delivered to it already
    #[arg(long)]
    pub everything: bool,
    #[command(flatten)]
    pub begin: Begin,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct TestArgs {
    /// Id of the subscription
    #[arg(value_name = "SUBSCRIPTION_ID")]
    pub subscription: String,
    /// An example of this type, instead of the subscription's own
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct TasksArgs {
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct CancelArgs {
    /// Its id
    #[arg(value_name = "TASK_ID")]
    pub id: String,
    #[command(flatten)]
    pub who: Who,
}
