//! The command line of `aerogram escalations`.

use aerogram_domain::escalations::{self, reason_name};
use aerogram_wire::v1;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::options::at_least_one;
use crate::reach::Who;

const HELP: &str = "\
The token is that of an administrator: [[admins]] of the credentials file. With --client-id it is that of an operator, and all of
this is about that partner's own deliveries.

Exit status: 0 done; 1 it did not work; 2 the command line or the configuration is wrong.";

const RESOLVE_HELP: &str = "\
The token is that of an administrator: [[admins]] of the credentials file. With --client-id it is that of an operator, and all of
this is about that partner's own deliveries.

What can't be done is told, and the rest is done. Doing it again changes nothing more.

Exit status: 0 all done; 1 one was not, or it was not confirmed; 2 the command line or the configuration is wrong.";

#[derive(Subcommand)]
pub enum EscalationsCommand {
    /// List what is open, newest first
    #[command(after_help = HELP)]
    List(ListArgs),
    /// Show one with its event and every attempt
    #[command(after_help = HELP)]
    Show(ShowArgs),
    /// Send again, with the whole schedule of the subscription's policy, to where it goes today
    #[command(after_help = RESOLVE_HELP)]
    Redeliver(RedeliverArgs),
    /// Say that nothing more will be done
    #[command(after_help = RESOLVE_HELP)]
    Dismiss(DismissArgs),
}

/// What people made of it.
#[derive(Clone, Copy, ValueEnum)]
pub enum State {
    Open,
    Dismissed,
    /// Said, and not written down yet
    Redelivering,
    Redelivered,
    All,
}

/// Why it was given up.
#[derive(Clone, Copy, ValueEnum)]
pub enum Reason {
    /// All attempts failed
    Exhausted,
    /// The receiver answered 410
    Gone,
    /// The platform could not make it
    Platform,
    /// Its subscription was deactivated because the receiver had failed for days
    #[value(name = "gave_up")]
    GaveUp,
}

/// Who is to blame.
#[derive(Clone, Copy, ValueEnum)]
pub enum Fault {
    Receiver,
    Platform,
}

/// Which of them.
#[derive(Args)]
pub struct Filters {
    /// Of this subscription
    #[arg(long, value_name = "ID")]
    pub subscription: Option<String>,
    /// Of events of this type
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    /// Given up for this reason
    #[arg(long, value_enum)]
    pub reason: Option<Reason>,
    /// Whose fault it was
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// Given up at this time or later, such as 2026-05-04T10:30:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Given up before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Of subscriptions of this partner application; for administrators
    #[arg(long, value_name = "ID", conflicts_with = "client_id")]
    pub partner: Option<String>,
    /// Of subscriptions on behalf of this operator; for administrators
    #[arg(long, value_name = "ID", conflicts_with = "client_id")]
    pub operator: Option<String>,
}

#[derive(Args)]
pub struct ListArgs {
    /// So many at most
    #[arg(long, value_name = "N", default_value = "50", value_parser = at_least_one)]
    pub limit: usize,
    /// What people made of them
    #[arg(long, value_enum, default_value = "open")]
    pub state: State,
    #[command(flatten)]
    pub filters: Filters,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct ShowArgs {
    /// Its id in the list
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub who: Who,
}

/// Which are dealt with.
#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "all"]))]
pub struct Which {
    /// Their ids in the list
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Everything that is open and fits the filters
    #[arg(long)]
    pub all: bool,
    /// With --all: without asking
    #[arg(long, requires = "all")]
    pub yes: bool,
    #[command(flatten)]
    pub filters: Filters,
}

#[derive(Args)]
pub struct RedeliverArgs {
    /// Why, in your words
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Args)]
pub struct DismissArgs {
    /// Why, in your words: whoever looks at it later reads them
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub who: Who,
}

impl Filters {
    /// As parameters of the list.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let reason = self.reason.map(|reason| match reason {
            Reason::Exhausted => reason_name(v1::Reason::Exhausted).to_owned(),
            Reason::Gone => reason_name(v1::Reason::Gone).to_owned(),
            Reason::Platform => reason_name(v1::Reason::Platform).to_owned(),
            Reason::GaveUp => reason_name(v1::Reason::SubscriptionGaveUp).to_owned(),
        });
        let fault = self.fault.map(|fault| match fault {
            Fault::Receiver => escalations::Fault::Receiver.name().to_owned(),
            Fault::Platform => escalations::Fault::Platform.name().to_owned(),
        });
        let all = [
            ("subscriptionId", self.subscription.clone()),
            ("eventType", self.event.clone()),
            ("reason", reason),
            ("fault", fault),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("partner", self.partner.clone()),
            ("operator", self.operator.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Open => escalations::State::Open.name(),
            State::Dismissed => escalations::State::Dismissed.name(),
            State::Redelivering => escalations::State::Redelivering.name(),
            State::Redelivered => escalations::State::Redelivered.name(),
            State::All => "all",
        }
    }
}
