//! The command line of `aerogram top`.

use std::time::Duration;

use aerogram_settings::RoleArgs;
use aerogram_telemetry::top::ROWS_MAX;
use clap::Args;

use super::ask::Source;

/// Shown at most, so that what is cut off is never more urgent than what is shown.
const LIMIT_MAX: i64 = ROWS_MAX as i64;

pub const HELP: &str = "\
Every deliverer and every scheduler has to be asked: --from takes names that stand for several addresses, such as the headless
service of a Deployment, and asks all of them. Without it the roles on this machine are asked.

  aerogram top
  aerogram top --from aerogram-deliverer:9103 --from aerogram-scheduler:9104
  aerogram top --once --json | jq '.subscriptions[] | select(.state == \"shut\") | .subscriptionId'

Exit status: 0 done; 1 nobody answers, or with --once somebody does not, or no deliverer or no scheduler with partitions is among
those that do; 2 the command line or the configuration is wrong.";

#[derive(Args)]
pub struct TopArgs {
    /// Ask the processes whose admin servers listen here, at every address of the name; may be repeated. Without a port those
    /// of `aerogram run`, the deliverer and the scheduler are tried: 9100, 9103, 9104 [default: telemetry.admin_listen, or
    /// 127.0.0.1]
    #[arg(long, value_name = "HOST[:PORT]", value_parser = Source::parse)]
    pub from: Vec<Source>,
    /// Show it once, instead of again and again until Ctrl-C
    #[arg(long)]
    pub once: bool,
    /// Print JSON: with --once one object, otherwise one a line
    #[arg(long)]
    pub json: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "2", conflicts_with = "once",
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,
    /// So many subscriptions at most
    #[arg(long, value_name = "N", default_value = "20", value_parser = limit)]
    pub limit: usize,
    #[command(flatten)]
    pub role: RoleArgs,
}

impl TopArgs {
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval)
    }
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse::<i64>() {
        Ok(number @ 1..=LIMIT_MAX) => usize::try_from(number).map_err(|error| error.to_string()),
        Ok(_) => Err(format!("must be from 1 to {LIMIT_MAX}")),
        Err(error) => Err(error.to_string()),
    }
}
