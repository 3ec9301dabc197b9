//! The command line; `scripts/demo.sh` fills it in from its environment.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Shows Aerogram at work: publishes flights and orders to Kafka and prints every delivery as it arrives.
///
/// `make run` starts it with all that it needs.
#[derive(Parser, Clone, Debug)]
#[command(name = "aerogram-demo")]
pub struct Options {
    /// Directory of this run: logs, keys, data
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// All roles in one process, or a process for each
    #[arg(long, value_enum, default_value_t = Stack::Embedded)]
    pub stack: Stack,
    /// Kafka that runs already; without it `aerogram run` starts the embedded broker
    #[arg(long, value_name = "HOST:PORT", required_if_eq("stack", "real"))]
    pub kafka: Option<String>,
    /// Redis that runs already
    #[arg(long, value_name = "URL", required_if_eq("stack", "real"))]
    pub redis: Option<String>,
    /// Program of the embedded broker
    #[arg(long, value_name = "PROGRAM", conflicts_with = "kafka")]
    pub broker: Option<PathBuf>,
    /// Publish for this many seconds, then wait for what is due and judge; 0: until Ctrl-C
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub seconds: u64,
    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rate: u32,
    /// The usual ports where they are free, or any free ones
    #[arg(long, value_enum, default_value_t = PortChoice::Usual)]
    pub ports: PortChoice,
    /// Also write the report (addresses and tokens at the start, figures at the end) to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Width of the terminal
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub columns: usize,
    /// End as with Ctrl-C when this process is not the parent any more
    #[arg(long, value_name = "PID")]
    pub parent: Option<i32>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stack {
    /// `aerogram run`
    Embedded,
    /// The role binaries, with Kafka and Redis
    Real,
}

impl Stack {
    pub const fn name(self) -> &'static str {
        match self {
            Stack::Embedded => "embedded",
            Stack::Real => "real",
        }
    }
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortChoice {
    Usual,
    Free,
}

#[cfg(test)]
mod tests {
    use super::Options;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
        let real = ["aerogram-demo", "--dir", "d", "--stack", "real"];
        assert!(Options::try_parse_from(real).is_err());
        let whole = real.into_iter().chain(["--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:2"]);
        Options::try_parse_from(whole).unwrap();
    }
}
