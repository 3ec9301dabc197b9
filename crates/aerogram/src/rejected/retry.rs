//! `aerogram rejected retry`.

use std::io::Write as _;
use std::process::ExitCode;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::options::RetryArgs;
use super::{PAGE_MAX, REJECTED, Wanted, pages};
use crate::http::{Http, Problem};
use crate::table::cut;
use crate::{FAILED, say};

#[derive(Deserialize)]
struct Retried {
    event: Became,
}

#[derive(Debug, Deserialize, Serialize)]
struct Became {
    id: String,
    r#type: String,
    operator: String,
    subject: String,
}

/// What became of one.
#[derive(Serialize)]
struct Outcome {
    offset: i64,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Became>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

pub async fn run(http: &Http, args: &RetryArgs) -> anyhow::Result<ExitCode> {
    let offsets = wanted(http, args).await?;
    let (mut outcomes, mut accepted, count) = (Vec::new(), 0, offsets.len());
    for offset in offsets {
        let outcome = retry(http, offset).await?;
        accepted += usize::from(outcome.accepted);
        if args.reach.json {
            outcomes.push(outcome);
        } else {
            // Said as it comes: many take a while. A reader that closes the pipe early has had what it wanted.
            let _ = writeln!(std::io::stdout(), "{}", render(&outcome));
        }
    }
    let said = if args.reach.json {
        say(&serde_json::to_string_pretty(&outcomes)?)
    } else {
        say(&format!("{count} retried: {accepted} accepted, {} not", count - accepted))
    };
    Ok(if accepted == count { said } else { ExitCode::from(FAILED) })
}

/// In the order in which they were published.
async fn wanted(http: &Http, args: &RetryArgs) -> anyhow::Result<Vec<i64>> {
    let mut offsets = Vec::new();
    if args.all {
        let wanted =
            Wanted { settled_too: false, reason: args.reason.as_deref(), topic: args.topic.as_deref() };
        pages(http, wanted, PAGE_MAX, |entries| {
            offsets.extend(entries.iter().map(|entry| entry.offset));
            true
        })
        .await?;
    } else {
        for offset in &args.offsets {
            offsets.push(i64::try_from(*offset)?);
        }
    }
    offsets.sort_unstable();
    offsets.dedup();
    Ok(offsets)
}

async fn retry(http: &Http, offset: i64) -> anyhow::Result<Outcome> {
    let answer = http.post(&format!("{REJECTED}/{offset}/retries"), "application/json", Bytes::new()).await?;
    match answer.status {
        // It is this one that is not accepted; another may be.
        404 | 409 | 422 | 503 => {
            Ok(Outcome { offset, accepted: false, event: None, problem: Some(answer.problem()) })
        }
        _ => {
            let Retried { event } = answer.json()?;
            Ok(Outcome { offset, accepted: true, event: Some(event), problem: None })
        }
    }
}

fn render(outcome: &Outcome) -> String {
    let offset = outcome.offset;
    match (&outcome.event, &outcome.problem) {
        (Some(event), _) => {
            let shown = [&event.r#type, &event.id].map(|text| cut(text, 100)).join("  ");
            format!("{offset}  accepted  {shown}")
        }
        (None, Some(problem)) => {
            let mut lines = vec![format!("{offset}  not accepted  {}", cut(&problem.detail, 400))];
            lines.extend(problem.errors.iter().map(|wrong| format!("    {}", cut(&wrong.to_string(), 400))));
            lines.join("\n")
        }
        (None, None) => format!("{offset}  not accepted"),
    }
}
