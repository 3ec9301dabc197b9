//! Where the api is, and who asks.

use std::process::ExitCode;

use aerogram_settings::RoleArgs;
use clap::Args;

use crate::http::{Access, Http, url_of_listener};
use crate::{WRONG_CONFIGURATION, complain, with_settings};

/// Stands before every route of the api.
pub const BASE: &str = "/api/v2/webhooks";

/// Where the api is. Flatten it into a command.
#[derive(Args)]
pub struct Reach {
    /// Where the api listens, such as http://127.0.0.1:8080 [default: api.listen]
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub role: RoleArgs,
}

impl Reach {
    /// A client of the api, as an administrator.
    ///
    /// # Errors
    /// How the command ends when the command line or the configuration is wrong.
    pub fn connect(&self) -> Result<Http, ExitCode> {
        let url = match &self.api {
            Some(url) => url.clone(),
            None => url_of_listener(&with_settings(&self.role)?.api.listen),
        };
        Http::new(&url, &self.access).map_err(|error| complain(WRONG_CONFIGURATION, &format!("{error:#}")))
    }
}
