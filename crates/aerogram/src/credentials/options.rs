//! The command line of `aerogram credentials`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use aerogram_domain::catalogue::Catalogue;
use aerogram_settings::{RoleArgs, Settings};
use clap::{Args, Subcommand};

use crate::ending::fail;
use crate::{WRONG_CONFIGURATION, with_settings};

const NEW_HELP: &str = "\
The token is shown this once: the file has only its SHA-256, and nobody can ask for it again. Without --append the lines for the
file are printed below it. api and ingest take over a changed file within credentials.reload_ms.

Event types are checked by the catalogue of the configuration (catalogue.files).

Exit status: 0 done; 1 it did not work; 2 the command line, the file or the configuration is wrong, and nothing was changed.";

#[derive(Subcommand)]
pub enum CredentialsCommand {
    /// Make a token, and the lines of the credentials file that go with it
    New {
        #[command(subcommand)]
        whose: NewCommand,
    },
    /// Check a credentials file: who is in it, what is wrong with it, what expires soon
    #[command(after_help = "\
Exit status: 0 all is well; 1 something has expired, or will within seven days; 2 the command line, the file or the configuration \
is wrong: all mistakes are told.")]
    Check(CheckArgs),
}

#[derive(Subcommand)]
pub enum NewCommand {
    /// For a partner application on behalf of an operator ([[tokens]])
    #[command(after_help = NEW_HELP)]
    Subscriber(SubscriberArgs),
    /// For whoever publishes events over HTTP ([[publishers]])
    #[command(after_help = NEW_HELP)]
    Publisher(PublisherArgs),
    /// For people who run the platform ([[admins]])
    #[command(after_help = NEW_HELP)]
    Admin(AdminArgs),
}

#[derive(Args)]
pub struct SubscriberArgs {
    /// The operator, one of [[operators]]
    #[arg(long, value_name = "ID")]
    pub operator: String,
    /// The partner application (X-Api-Client-Id); may be repeated
    #[arg(long = "client", value_name = "ID", required = true)]
    pub clients: Vec<String>,
    /// What it may subscribe to, such as FLIGHT_*; may be repeated, or separated by commas [default: everything]
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub events: Vec<String>,
    /// read, write or both, separated by commas [default: both]
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// What the token is called in the log
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct PublisherArgs {
    /// Its scope, part of the identity of every event it publishes
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Whom it may speak for, * for everyone; may be repeated, or separated by commas
    #[arg(long, value_name = "ID", value_delimiter = ',', required = true)]
    pub operators: Vec<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct AdminArgs {
    /// Stands in records of what was done
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// read for one who only looks, or read,write [default: both]
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<String>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct Common {
    /// From when on it is not good any more, such as 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// Add the lines to this credentials file, unless it would be wrong then
    #[arg(long, value_name = "FILE")]
    pub append: Option<PathBuf>,
    #[command(flatten)]
    pub way: Way,
}

#[derive(Args)]
pub struct CheckArgs {
    /// The credentials file [default: credentials.file]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub way: Way,
}

/// By which settings it is done, and how it is told.
#[derive(Args)]
pub struct Way {
    /// Print JSON: one object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub role: RoleArgs,
}

impl Way {
    /// The settings, and the catalogue that they name.
    ///
    /// # Errors
    /// How the command ends without them.
    pub fn settings(&self) -> Result<(Box<Settings>, Arc<Catalogue>), ExitCode> {
        let settings = with_settings(&self.role)?;
        let catalogue = Catalogue::load(&settings.catalogue.files, |path| std::fs::read_to_string(path))
            .map_err(|problems| fail(self.json, WRONG_CONFIGURATION, &problems))?;
        Ok((settings, catalogue))
    }
}
