//! The command line.

use std::path::PathBuf;

use aerogram_settings::RoleArgs;
use clap::{Args, Parser, Subcommand};

use crate::catalogue::CatalogueCommand;
use crate::credentials::CredentialsCommand;
use crate::deliveries::DeliveriesCommand;
use crate::escalations::EscalationsCommand;
use crate::events::EventsCommand;
use crate::rejected::RejectedCommand;
use crate::subscriptions::SubscriptionsCommand;
use crate::top::{HELP as TOP_HELP, TopArgs};
use crate::why::{HELP as WHY_HELP, WhyArgs};

/// Aerogram delivers flight and order events to everyone who subscribed to them.
#[derive(Parser)]
#[command(name = "aerogram", version, propagate_version = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run everything in one process, on one machine: with the embedded broker unless --kafka names another, and with what
    /// waits in memory unless --redis names a Redis
    Run(RunArgs),
    /// Make or check the internal topics
    Topics {
        #[command(subcommand)]
        command: TopicsCommand,
    },
    /// Look up which event types there are, and what they carry
    Catalogue {
        #[command(subcommand)]
        command: CatalogueCommand,
    },
    /// Check events before they are published, and publish them
    Events {
        #[command(subcommand)]
        command: EventsCommand,
    },
    /// Look at what ingest could not accept, and have it tried again
    Rejected {
        #[command(subcommand)]
        command: RejectedCommand,
    },
    /// Look at deliveries that were given up, and deal with them
    Escalations {
        #[command(subcommand)]
        command: EscalationsCommand,
    },
    /// Send again what was sent, or what was published before, and try out what a receiver does
    Deliveries {
        #[command(subcommand)]
        command: DeliveriesCommand,
    },
    /// Make tokens, and check the file that says who may call
    Credentials {
        #[command(subcommand)]
        command: CredentialsCommand,
    },
    /// Set up the subscriptions of customers from a file
    Subscriptions {
        #[command(subcommand)]
        command: SubscriptionsCommand,
    },
    /// Watch the subscriptions that fail, are slow, limited or parked right now
    #[command(after_help = TOP_HELP)]
    Top(TopArgs),
    /// Tell the whole story of an event: accepted or not, who got it, who nearly did, and how each delivery stands
    #[command(after_help = WHY_HELP)]
    Why(WhyArgs),
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the version
    Version,
}

#[derive(Args)]
pub struct RunArgs {
    /// Use this Kafka instead of the embedded broker (kafka.brokers)
    #[arg(long, value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// Keep what waits in this Redis instead of in memory (redis.url)
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// Where data, keys and tokens are kept (embedded.data_dir)
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Program of the embedded broker (embedded.broker)
    #[arg(long, value_name = "PROGRAM")]
    pub broker: Option<PathBuf>,
    #[command(flatten)]
    role: RoleArgs,
}

impl RunArgs {
    /// The flags every role has, ours among them.
    pub fn role_args(&self) -> RoleArgs {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let ours = [
            ("kafka.brokers", self.kafka.clone()),
            ("redis.url", self.redis.clone()),
            ("embedded.data_dir", path(&self.data_dir)),
            ("embedded.broker", path(&self.broker)),
        ];
        let mut role = self.role.clone();
        role.set.extend(ours.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value?))));
        role
    }
}

#[derive(Subcommand)]
pub enum TopicsCommand {
    /// Make the topics that are missing, pin the layout and commit the groups' first offsets; safe to run again
    Create(RoleArgs),
    /// Compare topics, layout and offsets with what they should be; exit status 1 when something differs
    Check(RoleArgs),
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and print what is in effect, secrets redacted; exit status 2 when it is wrong
    Check(RoleArgs),
}

/// Of nothing at most nothing can be said.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, at_least_one};
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_list_of_nothing_is_refused() {
        assert_eq!(at_least_one("0"), Err("must be at least 1".to_owned()));
        assert_eq!(at_least_one("1"), Ok(1));
        assert!(at_least_one("-1").is_err() && at_least_one("many").is_err());
    }
}
