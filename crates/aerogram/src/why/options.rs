//! The command line of `aerogram why`.

use clap::Args;

use crate::reach::Who;

pub const HELP: &str = "\
The token is that of an administrator: [[admins]] of the credentials file. With --client-id it is that of an operator, and all of
this is about that partner's own subscriptions and deliveries.

Exit status: 0 something is known of it; 1 nothing is, or it did not work; 2 the command line or the configuration is wrong.";

#[derive(Args)]
pub struct WhyArgs {
    /// The id that its publisher gave the event
    #[arg(value_name = "EVENT_ID")]
    pub id: String,
    #[command(flatten)]
    pub who: Who,
}
