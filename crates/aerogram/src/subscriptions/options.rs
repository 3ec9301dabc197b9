//! The command line of `aerogram subscriptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::reach::Reach;

#[derive(Subcommand)]
pub enum SubscriptionsCommand {
    /// Make the subscriptions of customers what a file says
    #[command(after_help = APPLY_HELP)]
    Apply(ApplyArgs),
    /// Write what a customer has as such a file
    #[command(after_help = "\
Secrets are never returned: where one is set a comment stands in its place. `apply` of such a file finds nothing to do.

The token is that of an administrator: [[admins]] of the credentials file.

Exit status: 0 done; 1 it did not work; 2 the command line or the configuration is wrong.")]
    Export(ExportArgs),
}

const APPLY_HELP: &str = "\
The file is TOML, a table for each subscription:

    [[subscriptions]]
    name = \"crew to payroll\"               # its identity within its pair
    partner = \"partner-app\"                # the pair: which application,
    operator = \"OPX\"                       # on behalf of which operator
    event = \"FLIGHT_CREW_ASSIGNMENT\"
    callbackUrl = \"https://hooks.example.com/crew\"
    profile = \"staffing\"
    authentication = { type = \"apiKey\", key = { env = \"CREW_KEY\" } }

Optional: id, profile, environment, contract, policy, status, httpRequest, allText, authentication, signingKey, as the REST API
has them (docs/rest.md). What is left out is the default; a status that is left out stays as it is. A secret is a text,
{ env = \"NAME\" } or { file = \"PATH\" }, from the directory of the file. Whoever writes id instead of a name, or both, means the
subscription with that id, and gives it the name.

Secrets are never returned, so those of existing subscriptions are left alone unless --set-secrets sets them anew: signing
keys too, with the one before signing along for 24 hours, so don't repeat it. Everything that is wrong with the file is told at once, and then
nothing is done. What goes wrong later is told at its subscription, and the rest is done; but where something failed or can't
be, nothing of the same partner and operator is deleted.

The token is that of an administrator: [[admins]] of the credentials file.

Exit status: 0 done, or nothing to do; 1 something could not be done; 2 the command line, the file or the configuration is wrong;
3 with --exit-code: there are differences.";

#[derive(Args)]
pub struct ApplyArgs {
    /// File of subscriptions; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show the difference, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: end with exit status 3 where there are differences
    #[arg(long, requires = "dry_run")]
    pub exit_code: bool,
    /// Delete what the pairs of the file have and the file does not name, where all else went well
    #[arg(long)]
    pub prune: bool,
    /// Delete without asking
    #[arg(long)]
    pub yes: bool,
    /// Set the secrets of the file on existing subscriptions too
    #[arg(long)]
    pub set_secrets: bool,
    /// Write signing keys that are made to this new file, for nobody else to read, instead of printing them
    #[arg(long, value_name = "FILE")]
    pub keys_out: Option<PathBuf>,
    /// Print JSON: an object with all changes, or with an error
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reach: Reach,
}

#[derive(Args)]
pub struct ExportArgs {
    /// The partner application (X-Api-Client-Id)
    #[arg(long, value_name = "ID")]
    pub partner: String,
    /// The operator on whose behalf it subscribed
    #[arg(long, value_name = "ID")]
    pub operator: String,
    #[command(flatten)]
    pub reach: Reach,
}
