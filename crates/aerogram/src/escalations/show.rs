//! `aerogram escalations show`.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::Value;

use super::options::ShowArgs;
use super::{Summary, path};
use crate::attempts::{self, Attempt};
use crate::http::Http;
use crate::say;
use crate::table::{cut, is_treacherous};

const TEXT_CHARS_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(flatten)]
    summary: Summary,
    callback_url: String,
    policy: String,
    accepted_at: Option<String>,
    event: Event,
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Event {
    source: String,
    time: String,
    #[serde(default)]
    contract: Option<String>,
    #[serde(default)]
    data: Option<Value>,
}

pub async fn run(http: &Http, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let answer = http.get(&path(&args.id)?, &[]).await?;
    if args.who.json {
        let detail: Value = answer.json()?;
        return Ok(say(&serde_json::to_string_pretty(&detail)?));
    }
    Ok(say(&render(&answer.json()?)))
}

fn render(detail: &Detail) -> String {
    let one = &detail.summary;
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{name:14}{}", cut(value, TEXT_CHARS_MAX)));
        }
    };
    line("id", &one.id);
    line("state", &one.state);
    if let Some(resolution) = &one.resolution {
        line("", &format!("by {} at {}", resolution.by, resolution.at));
        line("", resolution.why.as_deref().unwrap_or_default());
        line("as", resolution.redelivered_as.as_deref().unwrap_or_default());
    }
    line("given up", &one.escalated_at);
    line("reason", &one.reason);
    line("fault", &one.fault);
    line("subscription", &one.subscription_id);
    line("of", &format!("{} on behalf of {}", one.partner, one.operator));
    line("sent to", &detail.callback_url);
    line("policy", &detail.policy);
    line("webhook-id", &one.webhook_id);
    line("event", &format!("{} {} of {}", one.event_type, one.event_id, detail.event.source));
    line("subject", &one.subject);
    line("contract", detail.event.contract.as_deref().unwrap_or_default());
    line("environment", &one.environment);
    line("happened", &detail.event.time);
    line("accepted", detail.accepted_at.as_deref().unwrap_or_default());
    lines.push(format!("attempts      {}", one.attempts_made));
    lines.push(attempts::table(&detail.attempts));
    if let Some(data) = &detail.event.data {
        lines.push("data".to_owned());
        lines.push(escaped(&serde_json::to_string_pretty(data).unwrap_or_default()));
    }
    lines.join("\n")
}

/// JSON as it is, but what must not reach a terminal is written as JSON can write any character. That stands in texts only.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_treacherous(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn data_of_others_does_not_reach_the_terminal_as_it_is() {
        let data = json!({"a": "\u{9b}31m\u{7f}\u{202e}x\u{e0041}\u{1b}", "é": ["two\nlines", "\u{200b}"]});
        let shown = escaped(&serde_json::to_string_pretty(&data).unwrap());
        assert!(shown.chars().all(|c| c == '\n' || !is_treacherous(c)), "{shown:?}");
        assert!(
            shown.contains(r"\u009b31m\u007f\u202ex\udb40\udc41\u001b") && shown.contains('é'),
            "{shown}"
        );
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), data);
    }
}
