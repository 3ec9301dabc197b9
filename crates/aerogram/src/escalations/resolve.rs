//! `aerogram escalations redeliver` and `dismiss`.

use std::io::Write as _;
use std::process::ExitCode;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::options::{DismissArgs, RedeliverArgs, Which};
use super::{PAGE_MAX, Summary, pages, path};
use crate::ending::fail;
use crate::http::{Http, Problem};
use crate::reach::Who;
use crate::table::cut;
use crate::{FAILED, WRONG_CONFIGURATION, ask, say};

/// After so many requests in a row without an answer the rest is not tried.
const SILENCES_MAX: usize = 3;

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
        return Ok(fail(who.json, WRONG_CONFIGURATION, &"filters go with --all; ids need none"));
    }
    let ids = wanted(http, which).await?;
    let count = ids.len();
    if which.all && count > 0 && !which.yes && !ask::yes(&format!("{count} will be {}. Go on?", deed.verb))? {
        return Ok(fail(who.json, FAILED, &"not confirmed; nothing was done"));
    }
    let body = why.map_or_else(|| json!({}), |why| json!({ "why": why })).to_string();
    let outcomes = all(http, ids, deed, &body, |outcome| {
        if !who.json {
            // Said as it comes: many take a while. A reader that closes the pipe early has had what it wanted.
            let _ = writeln!(std::io::stdout(), "{}", render(outcome, deed));
        }
    })
    .await?;
    let done = outcomes.iter().filter(|outcome| outcome.done).count();
    let said = if who.json {
        say(&serde_json::to_string_pretty(&outcomes)?)
    } else {
        say(&format!("{done} {}, {} not", deed.done, count - done))
    };
    Ok(if done == count { said } else { ExitCode::from(FAILED) })
}

/// Deals with one after the other, whatever becomes of the others, and says each as it comes.
///
/// # Errors
/// The token is refused before anything was done.
async fn all(
    http: &Http,
    ids: Vec<String>,
    deed: Deed,
    body: &str,
    mut said: impl FnMut(&Outcome),
) -> anyhow::Result<Vec<Outcome>> {
    let (mut outcomes, mut silences) = (Vec::new(), 0);
    let mut hopeless: Option<Problem> = None;
    for id in ids {
        let outcome = match &hopeless {
            Some(problem) => not_tried(id, problem),
            None => {
                let (outcome, heard) = one(http, id, deed, body).await;
                silences = if heard { 0 } else { silences + 1 };
                match &outcome.problem {
                    // It would be so with all others.
                    Some(problem) if problem.status == 401 => {
                        anyhow::ensure!(!outcomes.is_empty(), "{problem}");
                        hopeless = Some(problem.clone());
                    }
                    _ if silences == SILENCES_MAX => hopeless = Some(problem_of("the api does not answer")),
                    _ => {}
                }
                outcome
            }
        };
        said(&outcome);
        outcomes.push(outcome);
    }
    Ok(outcomes)
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

/// What became of one, and whether there was an answer. Asked again it changes nothing more, so it may be asked again.
async fn one(http: &Http, id: String, deed: Deed, body: &str) -> (Outcome, bool) {
    let answer = async {
        let path = format!("{}/{}", path(&id)?, deed.call);
        http.post(&path, "application/json", Bytes::from(body.to_owned())).await
    };
    let (done, problem, heard) = match answer.await {
        Ok(answer) if answer.is_success() => match answer.json::<Summary>() {
            Ok(escalation) => (Some(escalation), None, true),
            Err(error) => (None, Some(problem_of(&format!("{error:#}"))), true),
        },
        // It is this one that is not done; another may be.
        Ok(answer) => (None, Some(answer.problem()), true),
        Err(error) => (None, Some(problem_of(&format!("{error:#}"))), false),
    };
    (Outcome { id, done: done.is_some(), escalation: done, problem }, heard)
}

fn not_tried(id: String, why: &Problem) -> Outcome {
    let problem = Problem { detail: format!("not tried: {}", why.detail), ..why.clone() };
    Outcome { id, done: false, escalation: None, problem: Some(problem) }
}

/// What no answer of the api says.
fn problem_of(detail: &str) -> Problem {
    Problem { detail: detail.to_owned(), ..Problem::default() }
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
            let why = if problem.status == 0 { problem.detail.clone() } else { problem.to_string() };
            format!("{}  not {}  {}", cut(&outcome.id, 60), deed.done, cut(&why, 400))
        }
        (None, None) => format!("{}  not {}", cut(&outcome.id, 60), deed.done),
    }
}

#[cfg(test)]
mod tests;
