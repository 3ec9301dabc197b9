//! Where the api is, and who asks.

use std::process::ExitCode;

use aerogram_settings::{RoleArgs, Start};
use clap::Args;

use crate::ending::{end, fail};
use crate::http::{Access, Http, url_of_listener};
use crate::runtime::block_on;
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

/// Who asks whom. Flatten it into a command.
#[derive(Args, Default)]
pub struct Who {
    /// Ask as this partner application, with the token of an operator
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reach: Reach,
}

impl Who {
    /// Asks the api, and answers how the command ends then.
    pub fn ask(&self, questions: impl AsyncFnOnce(&Http) -> anyhow::Result<ExitCode>) -> ExitCode {
        match self.reach.connect(self.json).map(|http| http.on_behalf(self.client_id.clone())) {
            Ok(http) => block_on(async { Ok(end(self.json, questions(&http).await)) }),
            Err(ended) => ended,
        }
    }
}

/// Whether it looks like an id of ours: nothing else may become part of a path.
pub fn is_id(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.bytes().all(legal)
}
