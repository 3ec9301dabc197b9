//! The command line of `aerogram why`.

use clap::Args;

use crate::reach::Reach;

pub const HELP: &str = "\
The token is that of an administrator: [[admins]] of the credentials file. With --client-id it is that of an operator, and all of
this is about that partner's own subscriptions and deliveries.

Exit status: 0 something is known of it; 1 nothing is, or it did not work; 2 the command line or the configuration is wrong.";

#[derive(Args)]
pub struct WhyArgs {
    /// The id that its publisher gave the event
    #[arg(value_name = "EVENT_ID")]
    pub id: String,
    /// Ask as this partner application, with the token of an operator
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reach: Reach,
}
