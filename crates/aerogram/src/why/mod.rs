//! `aerogram why`: the whole story of one event, as the api tells it.

mod options;
mod story;

pub use options::{HELP, WhyArgs};

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use url::Url;

use crate::http::Http;
use crate::reach::BASE;
use crate::say;
use story::Story;

/// Runs the command.
pub fn run(args: &WhyArgs) -> ExitCode {
    args.who.ask(async |http| tell(http, args).await)
}

async fn tell(http: &Http, args: &WhyArgs) -> anyhow::Result<ExitCode> {
    let answer = http.get(&path(&args.id)?, &[]).await?;
    if args.who.json {
        let story: Value = answer.json()?;
        return Ok(say(&serde_json::to_string_pretty(&story)?));
    }
    let story: Story = answer.json()?;
    Ok(say(&story.render()))
}

/// Whatever the publisher called it, an id must not become another path.
fn path(id: &str) -> anyhow::Result<String> {
    ensure!(!matches!(id, "" | "." | ".."), "{id:?} cannot be asked for; no path can hold it");
    // The host is nothing that is called.
    let mut url = Url::parse(&format!("http://api{BASE}/events"))?;
    url.path_segments_mut().ok().context("an address without a path")?.push(id);
    Ok(url.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_part_of_the_path() {
        let parts = [("e-1.2", "e-1.2"), ("a/b", "a%2Fb"), ("50%", "50%25"), ("ä?#", "%C3%A4%3F%23")];
        for (id, part) in parts {
            assert_eq!(path(id).unwrap(), format!("/api/v2/webhooks/events/{part}"));
        }
        for impossible in ["", ".", ".."] {
            assert!(path(impossible).is_err(), "{impossible:?}");
        }
    }
}
