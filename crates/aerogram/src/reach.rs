//! Where the api is, and who asks.

use std::process::ExitCode;

use aerogram_settings::{RoleArgs, Start};
use clap::Args;

use crate::ending::fail;
use crate::http::{Access, Http, url_of_listener};
use crate::{WRONG_CONFIGURATION, say};

/// Stands before every route of the api.
pub const BASE: &str = "/api/v2/webhooks";

/// Where the api is. Flatten it into a command.
#[derive(Args, Default)]
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
    /// A client of the api, as an administrator; `json`: what is wrong is told to programs too.
    ///
    /// # Errors
    /// How the command ends when the command line or the configuration is wrong.
    pub fn connect(&self, json: bool) -> Result<Http, ExitCode> {
        let url = match &self.api {
            Some(url) => url.clone(),
            None => match self.role.start() {
                Ok(Start::Run(settings)) => url_of_listener(&settings.api.listen),
                Ok(Start::Print(text)) => return Err(say(text.trim_end())),
                Err(errors) => return Err(fail(json, WRONG_CONFIGURATION, &errors)),
            },
        };
        Http::new(&url, &self.access).map_err(|error| fail(json, WRONG_CONFIGURATION, &format!("{error:#}")))
    }
}
