//! The command line every role shares.

use std::fmt;
use std::path::PathBuf;

use crate::error::SettingsErrors;
use crate::sections::Settings;

/// Flags of every role; flatten it into a command with `#[command(flatten)]`.
#[derive(clap::Args, Clone, Default)]
pub struct RoleArgs {
    /// TOML configuration file (or the variable AEROGRAM_CONFIG)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key, above file and environment; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Check the configuration, print what is in effect with secrets redacted, and exit
    #[arg(long)]
    pub check_config: bool,
    /// List every key with its default, environment variable and meaning, and exit
    #[arg(long)]
    pub print_settings: bool,
}

/// Values may be secrets, so only the keys of `--set` are shown.
impl fmt::Debug for RoleArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.set.iter().map(|flag| flag.split('=').next().unwrap_or_default()).collect();
        f.debug_struct("RoleArgs")
            .field("config", &self.config)
            .field("set", &keys)
            .field("check_config", &self.check_config)
            .field("print_settings", &self.print_settings)
            .finish()
    }
}

/// What the command line asked for.
#[derive(Debug)]
pub enum Start {
    /// Run with these settings.
    Run(Box<Settings>),
    /// Print this and exit successfully.
    Print(String),
}

impl RoleArgs {
    /// Decides between running and printing.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn start(&self) -> Result<Start, SettingsErrors> {
        self.start_above(&[])
    }

    /// As [`Self::start`], with defaults of the command's own below file, environment and flags: `KEY=VALUE` each.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn start_above(&self, defaults: &[String]) -> Result<Start, SettingsErrors> {
        if self.print_settings {
            return Ok(Start::Print(Settings::list_text()));
        }
        let settings = Settings::load_above(defaults, self, std::env::vars_os())?;
        if self.check_config {
            return Ok(Start::Print(settings.redacted()));
        }
        Ok(Start::Run(Box::new(settings)))
    }
}
