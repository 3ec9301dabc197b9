//! `aerogram rejected`: what ingest could not accept, and having it tried again. All of it is asked of ingest.

mod list;
mod options;
mod retry;
mod show;

pub use options::RejectedCommand;

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::http::{Http, url_of_listener};
use crate::runtime::block_on;
use crate::with_settings;
use options::Ingest;

const REJECTED: &str = "/v1/rejected";
/// What one answer holds, at most.
const PAGE_MAX: usize = 200;

/// Runs the command.
pub fn run(command: &RejectedCommand) -> ExitCode {
    let reach = match command {
        RejectedCommand::List(args) => &args.reach,
        RejectedCommand::Show(args) => &args.reach,
        RejectedCommand::Retry(args) => &args.reach,
    };
    let http = match connect(reach) {
        Ok(http) => http,
        Err(ended) => return ended,
    };
    block_on(async {
        match command {
            RejectedCommand::List(args) => list::run(&http, args).await,
            RejectedCommand::Show(args) => show::run(&http, args).await,
            RejectedCommand::Retry(args) => retry::run(&http, args).await,
        }
    })
}

fn connect(reach: &Ingest) -> Result<Http, ExitCode> {
    let url = match &reach.ingest {
        Some(url) => url.clone(),
        None => url_of_listener(&with_settings(&reach.role)?.ingest.listen),
    };
    Http::new(&url, &reach.access)
        .map_err(|error| crate::complain(crate::WRONG_CONFIGURATION, &format!("{error:#}")))
}

/// A page of what was rejected.
#[derive(Debug, Deserialize)]
struct Page {
    rejected: Vec<Entry>,
    next: Option<String>,
}

/// A rejected record without its payload.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    offset: i64,
    reason: String,
    errors: Vec<String>,
    origin: Place,
    scope: String,
    rejected_at: String,
    payload_bytes: u64,
    settled: bool,
}

/// Where a record came from.
#[derive(Debug, Deserialize, Serialize)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

impl Place {
    fn show(&self) -> String {
        format!("{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// Which of what was rejected is asked for.
#[derive(Clone, Copy, Default)]
struct Wanted<'a> {
    settled_too: bool,
    reason: Option<&'a str>,
    topic: Option<&'a str>,
}

/// Asks page by page, newest first, until `each` says that it has enough.
async fn pages(
    http: &Http,
    wanted: Wanted<'_>,
    page_max: usize,
    mut each: impl FnMut(Vec<Entry>) -> bool,
) -> anyhow::Result<()> {
    let limit = page_max.clamp(1, PAGE_MAX).to_string();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.as_deref().map(|after| ("after", after)));
        query.extend(wanted.settled_too.then_some(("all", "true")));
        query.extend(wanted.reason.map(|reason| ("reason", reason)));
        query.extend(wanted.topic.map(|topic| ("topic", topic)));
        let page: Page = http.get(REJECTED, &query).await?.json()?;
        if !each(page.rejected) || page.next.is_none() {
            return Ok(());
        }
        after = page.next;
    }
}
