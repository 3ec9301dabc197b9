//! `aerogram rejected list`.

use std::process::ExitCode;

use super::options::ListArgs;
use super::{Entry, Wanted, pages};
use crate::http::Http;
use crate::say;
use crate::table::{Table, cut};

pub async fn run(http: &Http, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let wanted =
        Wanted { settled_too: args.all, reason: args.reason.as_deref(), topic: args.topic.as_deref() };
    let mut listed: Vec<Entry> = Vec::new();
    pages(http, wanted, args.limit, |entries| {
        listed.extend(entries.into_iter().take(args.limit - listed.len()));
        listed.len() < args.limit
    })
    .await?;
    if args.reach.json {
        return Ok(say(&serde_json::to_string_pretty(&listed)?));
    }
    if listed.is_empty() {
        return Ok(say(nothing(wanted)));
    }
    Ok(say(&render(&listed)))
}

/// What an empty list means: with a filter there may be others.
fn nothing(wanted: Wanted<'_>) -> &'static str {
    match (wanted.reason.or(wanted.topic), wanted.settled_too) {
        (Some(_), _) => "nothing matches",
        (None, true) => "nothing was rejected",
        (None, false) => "nothing is open",
    }
}

fn render(listed: &[Entry]) -> String {
    let mut table = Table::new(&["OFFSET", "REJECTED", "FROM", "REASON", "", "WHAT IS WRONG"]);
    for entry in listed {
        let more = entry.errors.len().saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let first = entry.errors.first().map_or("", String::as_str);
        table.push(
            vec![
                entry.offset.to_string(),
                cut(&entry.rejected_at, 30),
                cut(&entry.origin.show(), 60),
                cut(&entry.reason, 30),
                if entry.settled { "settled" } else { "" }.to_owned(),
                format!("{}{more}", cut(first, 100)),
            ],
            Vec::new(),
        );
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_says_what_was_looked_for() {
        let all = Wanted::default();
        assert_eq!(nothing(all), "nothing is open");
        assert_eq!(nothing(Wanted { settled_too: true, ..all }), "nothing was rejected");
        for filtered in [Wanted { reason: Some("r"), ..all }, Wanted { topic: Some("t"), ..all }] {
            assert_eq!(nothing(filtered), "nothing matches");
            assert_eq!(nothing(Wanted { settled_too: true, ..filtered }), "nothing matches");
        }
    }
}
