//! The command line.

use aerogram_settings::RoleArgs;
use clap::{Parser, Subcommand};

/// Aerogram delivers flight and order events to everyone who subscribed to them.
#[derive(Parser)]
#[command(name = "aerogram", version, propagate_version = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make or check the internal topics
    Topics {
        #[command(subcommand)]
        command: TopicsCommand,
    },
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the version
    Version,
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

#[cfg(test)]
mod tests {
    use super::Options;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }
}
