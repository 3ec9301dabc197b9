//! `aerogram rejected show`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::Value;

use super::options::ShowArgs;
use super::{Entry, REJECTED};
use crate::http::Http;
use crate::say;
use crate::table::cut;

const TEXT_CHARS_MAX: usize = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(flatten)]
    entry: Entry,
    key: Content,
    headers: BTreeMap<String, String>,
    payload: Content,
    payload_truncated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Content {
    Text(String),
    Base64(String),
}

pub async fn run(http: &Http, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let answer = http.get(&format!("{REJECTED}/{}", args.offset), &[]).await?;
    if args.reach.json {
        let detail: Value = answer.json()?;
        return Ok(say(&serde_json::to_string_pretty(&detail)?));
    }
    Ok(say(&render(&answer.json()?)))
}

fn render(detail: &Detail) -> String {
    let entry = &detail.entry;
    let state = if entry.settled { "settled: it was accepted meanwhile" } else { "open" };
    let mut lines = vec![
        format!("offset    {}", entry.offset),
        format!("state     {state}"),
        format!("rejected  {}", cut(&entry.rejected_at, 30)),
        format!("from      {}, scope {}", cut(&entry.origin.show(), 250), cut(&entry.scope, 250)),
        format!("reason    {}", cut(&entry.reason, 100)),
    ];
    lines.extend(entry.errors.iter().map(|error| format!("    {}", cut(error, 1000))));
    lines.push(format!("key       {}", shown(&detail.key)));
    lines.push("headers".to_owned());
    lines.extend(
        detail.headers.iter().map(|(name, value)| format!("    {}: {}", cut(name, 512), cut(value, 512))),
    );
    let truncated = if detail.payload_truncated { ", of which only the beginning was kept" } else { "" };
    lines.push(format!("payload   {} bytes{truncated}", entry.payload_bytes));
    lines.push(shown(&detail.payload));
    lines.join("\n")
}

fn shown(content: &Content) -> String {
    match content {
        // JSON is made readable; what is not JSON is shown line by line without what a terminal would obey.
        Content::Text(text) => match serde_json::from_str::<Value>(text) {
            Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_default(),
            Err(_) => text.lines().map(|line| cut(line, TEXT_CHARS_MAX)).collect::<Vec<_>>().join("\n"),
        },
        Content::Base64(text) => format!("base64 {}", cut(text, TEXT_CHARS_MAX)),
    }
}
