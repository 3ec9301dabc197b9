//! `aerogram escalations`: deliveries that were given up, and what people make of them. All of it is asked of the api.

mod list;
mod options;
mod resolve;
mod show;

pub use options::EscalationsCommand;

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::http::Http;
use crate::reach::{BASE, is_id};

/// What one answer holds, at most.
const PAGE_MAX: usize = 200;

/// Runs the command.
pub fn run(command: &EscalationsCommand) -> ExitCode {
    let who = match command {
        EscalationsCommand::List(args) => &args.who,
        EscalationsCommand::Show(args) => &args.who,
        EscalationsCommand::Redeliver(args) => &args.who,
        EscalationsCommand::Dismiss(args) => &args.who,
    };
    who.ask(async |http| match command {
        EscalationsCommand::List(args) => list::run(http, args).await,
        EscalationsCommand::Show(args) => show::run(http, args).await,
        EscalationsCommand::Redeliver(args) => resolve::redeliver(http, args).await,
        EscalationsCommand::Dismiss(args) => resolve::dismiss(http, args).await,
    })
}

/// A page of the list.
#[derive(Debug, Deserialize)]
struct Page {
    escalations: Vec<Summary>,
    next: Option<String>,
}

/// A delivery that was given up, without its event and its attempts.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: String,
    webhook_id: String,
    escalated_at: String,
    state: String,
    reason: String,
    fault: String,
    partner: String,
    operator: String,
    subscription_id: String,
    event_type: String,
    event_id: String,
    subject: String,
    environment: String,
    attempts_made: u32,
    last_outcome: Option<String>,
    last_status: Option<u32>,
    resolution: Option<Resolution>,
}

/// What people made of it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resolution {
    kind: String,
    by: String,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redelivered_as: Option<String>,
}

impl Summary {
    /// How the last attempt ended.
    fn last(&self) -> String {
        match (&self.last_outcome, self.last_status) {
            (Some(outcome), Some(status)) => format!("{outcome} {status}"),
            (Some(outcome), None) => outcome.clone(),
            (None, _) => String::new(),
        }
    }
}

/// Asks page by page, newest first, until `each` says that it has enough; whether there are more pages.
async fn pages(
    http: &Http,
    filters: &[(&str, String)],
    page_max: usize,
    mut each: impl FnMut(Vec<Summary>) -> bool,
) -> anyhow::Result<bool> {
    let limit = page_max.clamp(1, PAGE_MAX).to_string();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", limit.as_str())];
        query.extend(filters.iter().map(|(name, value)| (*name, value.as_str())));
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Page = http.get(&format!("{BASE}/escalations"), &query).await?.json()?;
        if !each(page.escalations) || page.next.is_none() {
            return Ok(page.next.is_some());
        }
        after = page.next;
    }
}

/// The path of one. What is no id of ours must not become another path.
fn path(id: &str) -> anyhow::Result<String> {
    anyhow::ensure!(is_id(id), "{id:?} is no id; `aerogram escalations list` shows them");
    Ok(format!("{BASE}/escalations/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_becomes_part_of_a_path() {
        assert_eq!(path("msg_0f-a").unwrap(), "/api/v2/webhooks/escalations/msg_0f-a");
        for wrong in ["", "../subscriptions", "a/b", "a?b", "a b", "ä"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }
}
