//! `aerogram escalations list`.

use std::io::Write as _;
use std::process::ExitCode;

use super::options::ListArgs;
use super::{Summary, pages};
use crate::http::Http;
use crate::say;
use crate::table::{Table, cut};

pub async fn run(http: &Http, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut query = args.filters.query();
    let filtered = !query.is_empty();
    query.push(("state", args.state.name().to_owned()));
    let mut listed: Vec<Summary> = Vec::new();
    let mut left_out = false;
    let next = pages(http, &query, args.limit, |page| {
        let room = args.limit - listed.len();
        left_out = page.len() > room;
        listed.extend(page.into_iter().take(room));
        listed.len() < args.limit
    })
    .await?;
    if let Some(last) = listed.last().filter(|_| next || left_out) {
        // Not on standard output: what stands there is a list for programs, or goes on to other commands.
        let _ = writeln!(std::io::stderr(), "{}", more(listed.len(), last));
    }
    if args.who.json {
        return Ok(say(&serde_json::to_string_pretty(&listed)?));
    }
    if listed.is_empty() {
        let nothing = if filtered { "nothing matches".to_owned() } else { nothing(args.state.name()) };
        return Ok(say(&nothing));
    }
    Ok(say(&render(&listed)))
}

/// How somebody gets at what is not listed.
fn more(count: usize, last: &Summary) -> String {
    format!(
        "note: there are more than these {count}; --limit {} lists more, and --until {} goes on before the last of these",
        count.saturating_mul(10),
        cut(&last.escalated_at, 30)
    )
}

fn nothing(state: &str) -> String {
    match state {
        "all" => "nothing was given up".to_owned(),
        state => format!("nothing is {state}"),
    }
}

fn render(listed: &[Summary]) -> String {
    let mut table = Table::new(&[
        "ID",
        "GIVEN UP",
        "STATE",
        "FAULT",
        "REASON",
        "LAST",
        "EVENT",
        "PARTNER",
        "OPERATOR",
        "SUBSCRIPTION",
    ]);
    for one in listed {
        let cells: [(&str, usize); 10] = [
            (&one.id, 60),
            (&one.escalated_at, 30),
            (&one.state, 20),
            (&one.fault, 20),
            (&one.reason, 20),
            (&one.last(), 40),
            (&one.event_type, 60),
            (&one.partner, 40),
            (&one.operator, 40),
            (&one.subscription_id, 40),
        ];
        let below = one.resolution.as_ref().and_then(|resolution| resolution.why.as_deref());
        let below = below.map(|why| cut(why, 200));
        table.push(cells.map(|(text, chars_max)| cut(text, chars_max)).into(), below.into_iter().collect());
    }
    table.render()
}
