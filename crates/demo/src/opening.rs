//! What is said at the start: what runs, where, and what to try. Commands are copied from a terminal, so they are
//! complete, and they lie in a file as well.

use crate::addresses::Addresses;
use crate::credentials::Credentials;
use crate::customers::{CUSTOMERS, FAILING, OWN_KEY, OWN_PATH, SKYHOP};
use crate::options::{Options, Stack};
use crate::report::DELIVERIES;
use crate::screen::Paint;
use crate::stories;
use crate::system::{FLIGHTS, ORDERS};
use aerogram_testkit::Receiver;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Nobody subscribes to it until somebody tries the command.
const OWN_EVENT: &str = "FLIGHT_PAX_COUNT_UPDATE";
const COMMANDS: &str = "try.sh";

/// A command to try, and what it does.
struct Command {
    title: &'static str,
    text: String,
}

/// The headed block at the start; the commands are also written to a file in the run's directory.
///
/// # Errors
/// The file cannot be written.
pub fn opening(
    options: &Options,
    addresses: &Addresses,
    credentials: &Credentials,
    receiver: &Receiver,
    paint: Paint,
) -> Result<String> {
    let commands = commands(addresses, credentials, receiver)?;
    let file = write(&commands, &options.dir)?;
    let mut text = String::new();
    let what = match (options.stack, &options.kafka) {
        (Stack::Embedded, None) => "all roles in one process, with the embedded Kafka, state in memory",
        (Stack::Embedded, Some(_)) => "all roles in one process, on a Kafka node, state in memory",
        (Stack::Real, _) => "a process for each of the five roles, on a Kafka node and a Redis",
    };
    writeln!(text, "{}", paint.bold(&format!("Aerogram: {what}")))?;
    for note in &addresses.notes {
        writeln!(text, "  {}", paint.yellow(note))?;
    }
    let [customer, ..] = &CUSTOMERS;
    let rows = [
        (
            "portal",
            format!(
                "{}  sign in as {} with {}",
                addresses.portal_url(),
                customer.client,
                credentials.of(customer.operator)?
            ),
        ),
        ("api", addresses.subscriptions_url()),
        ("ingest", addresses.events_url()),
        ("metrics", metrics(addresses)),
        ("Kafka", format!("{}  topics {FLIGHTS} and {ORDERS}", addresses.kafka)),
        ("receiver", format!("{}  fails each {FAILING} twice, then recovers", receiver.url("/"))),
        ("files", format!("{}  logs, {DELIVERIES}, {COMMANDS}", short(&options.dir))),
    ];
    for (name, value) in rows {
        writeln!(text, "  {:8}  {value}", name)?;
    }
    for command in commands {
        writeln!(text, "\n{}\n{}", paint.bold(&format!("# {}", command.title)), command.text)?;
    }
    let copy =
        format!("The commands stand in {} too. What arrives at {OWN_PATH} is shown below.", short(&file));
    writeln!(text, "\n{}", paint.dim(&copy))?;
    Ok(text)
}

/// The first in full, the others by their ports.
fn metrics(addresses: &Addresses) -> String {
    let mut text = String::new();
    for (role, address) in &addresses.admin {
        if text.is_empty() {
            text = format!("http://{address}/metrics");
            if addresses.admin.len() > 1 {
                text += &format!("  {role}");
            }
        } else {
            let port = address.rsplit_once(':').map_or("", |(_, port)| port);
            text += &format!(", :{port} {role}");
        }
    }
    text
}

fn commands(addresses: &Addresses, credentials: &Credentials, receiver: &Receiver) -> Result<Vec<Command>> {
    let [customer, ..] = &CUSTOMERS;
    let token = credentials.of(customer.operator)?;
    let who = format!("-H 'X-Api-Client-Id: {}' -H 'X-Auth-Token: {token}'", customer.client);
    let (subscriptions, events) = (addresses.subscriptions_url(), addresses.events_url());
    let (callback, publisher) = (receiver.url(OWN_PATH), &credentials.publisher);
    let sample = stories::sample();
    Ok(vec![
        Command {
            title: "List the subscriptions of flight ops",
            text: format!("curl -s {subscriptions} \\\n  {who}"),
        },
        Command {
            title: "Subscribe to what nobody gets yet: passenger counts",
            text: format!(
                "curl -s {subscriptions} \\\n  {who} \\\n  -H 'Content-Type: application/json' \\\n  \
                 -d '{{\"event\":\"{OWN_EVENT}\",\"signingKey\":\"{OWN_KEY}\",\n       \
                 \"callbackUrl\":\"{callback}\"}}'"
            ),
        },
        Command {
            title: "Publish an event of your own",
            text: format!(
                "curl -s {events} \\\n  -H 'Authorization: Bearer {publisher}' \\\n  \
                 -H 'Content-Type: application/cloudevents+json' \\\n  -d '{{\"specversion\":\"1.0\",\
                 \"id\":\"'$(date +%s%N)'\",\"source\":\"{OWN_PATH}\",\n       \
                 \"type\":\"{}\",\"operator\":\"{SKYHOP}\",\"subject\":\"{}\",\n       \
                 \"data\":{}}}'",
                sample.kind,
                sample.subject,
                wrapped(&sample.data, 92, "         ")
            ),
        },
    ])
}

/// Compact JSON, broken between the fields of the outermost object where a line would get too long.
fn wrapped(value: &Value, width: usize, indent: &str) -> String {
    let Some(fields) = value.as_object() else { return value.to_string() };
    let mut lines = vec!["{".to_owned()];
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let field = format!("{}:{value}", Value::from(name.as_str()));
        match lines.last_mut() {
            Some(line) if indent.len() + line.len() + field.len() < width => {
                line.push_str(comma);
                line.push_str(&field);
            }
            last => {
                if let Some(last) = last {
                    last.push_str(comma);
                }
                lines.push(field);
            }
        }
    }
    lines.join(&format!("\n{indent}")) + "}"
}

fn write(commands: &[Command], dir: &Path) -> Result<PathBuf> {
    let mut text =
        "#!/usr/bin/env bash\n# usage: try.sh — commands to try while the demo runs, each for itself\n\
                    set -euo pipefail\n"
            .to_owned();
    for command in commands {
        write!(text, "\n# {}\n{}\necho\n", command.title, command.text)?;
    }
    let file = dir.join(COMMANDS);
    fs::write(&file, text)
        .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o700)))
        .with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// Below the current directory without what leads to it.
pub fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn data_is_broken_between_fields_only() {
        let value = json!({"a": "some text", "b": {"c": [1, 2, 3]}, "d": "more text", "e": 5});
        let text = wrapped(&value, 30, "  ");
        assert!(text.lines().all(|line| line.len() <= 32), "{text}");
        assert!(text.lines().count() > 1);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert_eq!(wrapped(&json!({}), 30, ""), "{}");
    }
}
