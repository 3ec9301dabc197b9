//! `aerogram escalations redeliver` and `dismiss`.

use std::io::Write as _;
use std::process::ExitCode;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::options::{DismissArgs, RedeliverArgs, Which, Who};
use super::{PAGE_MAX, Summary, pages, path};
use crate::http::{Http, Problem};
use crate::table::cut;
use crate::{FAILED, WRONG_CONFIGURATION, ask, complain, say};

/// What is done with each.
#[derive(Clone, Copy)]
struct Deed {
    /// Of the path of one.
    call: &'static str,
    verb: &'static str,
    done: &'static str,
}

const REDELIVER: Deed = Deed { call: "redeliveries", verb: "sent again", done: "redelivered" };
const DISMISS: Deed = Deed { call: "dismissal", verb: "dismissed", done: "dismissed" };

/// What became of one.
#[derive(Serialize)]
struct Outcome {
    id: String,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

pub async fn redeliver(http: &Http, args: &RedeliverArgs) -> anyhow::Result<ExitCode> {
    run(http, &args.which, &args.who, REDELIVER, args.why.as_deref()).await
}

pub async fn dismiss(http: &Http, args: &DismissArgs) -> anyhow::Result<ExitCode> {
    run(http, &args.which, &args.who, DISMISS, Some(&args.why)).await
}

async fn run(
    http: &Http,
    which: &Which,
    who: &Who,
    deed: Deed,
    why: Option<&str>,
) -> anyhow::Result<ExitCode> {
    if !which.all && !which.filters.query().is_empty() {
        return Ok(complain(WRONG_CONFIGURATION, &"filters go with --all; ids need none"));
    }
    let ids = wanted(http, which).await?;
    let count = ids.len();
    if which.all && count > 0 && !which.yes && !ask::yes(&format!("{count} will be {}. Go on?", deed.verb))? {
        return Ok(complain(FAILED, &"not confirmed; nothing was done"));
    }
    let body = why.map_or_else(|| json!({}), |why| json!({ "why": why })).to_string();
    let (mut outcomes, mut done) = (Vec::new(), 0);
    for id in ids {
        let outcome = one(http, id, deed, &body).await?;
        done += usize::from(outcome.done);
        if who.json {
            outcomes.push(outcome);
        } else {
            // Said as it comes: many take a while. A reader that closes the pipe early has had what it wanted.
            let _ = writeln!(std::io::stdout(), "{}", render(&outcome, deed));
        }
    }
    let said = if who.json {
        say(&serde_json::to_string_pretty(&outcomes)?)
    } else {
        say(&format!("{done} {}, {} not", deed.done, count - done))
    };
    Ok(if done == count { said } else { ExitCode::from(FAILED) })
}

/// Those named, or those that are open; the oldest of these first, as they were once sent.
async fn wanted(http: &Http, which: &Which) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    if which.all {
        pages(http, &which.filters.query(), PAGE_MAX, |page| {
            ids.extend(page.into_iter().map(|one| one.id));
            true
        })
        .await?;
        ids.reverse();
        return Ok(ids);
    }
    for id in &which.ids {
        path(id)?;
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    Ok(ids)
}

/// Asked again it changes nothing more, so it may be asked again.
async fn one(http: &Http, id: String, deed: Deed, body: &str) -> anyhow::Result<Outcome> {
    let path = format!("{}/{}", path(&id)?, deed.call);
    let answer = http.post(&path, "application/json", Bytes::from(body.to_owned())).await?;
    match answer.status {
        // It is this one that is not done; another may be.
        404 | 409 | 503 => Ok(Outcome { id, done: false, escalation: None, problem: Some(answer.problem()) }),
        _ => Ok(Outcome { id, done: true, escalation: Some(answer.json()?), problem: None }),
    }
}

fn render(outcome: &Outcome, deed: Deed) -> String {
    match (&outcome.escalation, &outcome.problem) {
        (Some(one), _) => format!(
            "{}  {}  {}",
            cut(&outcome.id, 60),
            deed.done,
            cut(&format!("{} {}", one.event_type, one.event_id), 100)
        ),
        (None, Some(problem)) => {
            format!("{}  not {}  {}", cut(&outcome.id, 60), deed.done, cut(&problem.to_string(), 400))
        }
        (None, None) => format!("{}  not {}", cut(&outcome.id, 60), deed.done),
    }
}
