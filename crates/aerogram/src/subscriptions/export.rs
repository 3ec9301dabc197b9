//! `aerogram subscriptions export`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use aerogram_domain::authentication::Kind;
use anyhow::bail;
use serde_json::Value;

use super::client::Client;
use super::declared::Pair;
use super::existing::Existing;
use super::options::ExportArgs;
use crate::runtime::block_on;
use crate::say;
use crate::table::is_treacherous;

pub fn run(args: &ExportArgs) -> ExitCode {
    let http = match args.reach.connect(false) {
        Ok(http) => http,
        Err(ended) => return ended,
    };
    let pair = Pair { partner: args.partner.clone(), operator: args.operator.clone() };
    block_on(async {
        let answer = Client::new(http).list(&pair).await?;
        if !answer.is_success() {
            bail!("{}", answer.problem());
        }
        let existing: Vec<Existing> = answer.json()?;
        Ok(say(render(&pair, &existing).trim_end()))
    })
}

/// The pair's subscriptions as a file that says what is so.
pub fn render(pair: &Pair, all: &[Existing]) -> String {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for name in all.iter().filter_map(|one| one.name.as_deref()) {
        *names.entry(name).or_default() += 1;
    }
    let mut text = format!(
        "# {} of {} on behalf of {}.\n",
        count(all.len()),
        one_line(&pair.partner),
        one_line(&pair.operator)
    );
    for one in all {
        let unique = one.name.as_deref().filter(|name| names.get(name) == Some(&1));
        text.push('\n');
        text.push_str(&table(pair, one, unique).join("\n"));
        text.push('\n');
    }
    text
}

fn count(count: usize) -> String {
    if count == 1 { "1 subscription".to_owned() } else { format!("{count} subscriptions") }
}

fn table(pair: &Pair, one: &Existing, unique_name: Option<&str>) -> Vec<String> {
    let mut lines = vec!["[[subscriptions]]".to_owned()];
    match (unique_name, &one.name) {
        (Some(name), _) => lines.push(format!("name = {}", quoted(name))),
        (None, Some(name)) => {
            lines.push(format!("id = {}", quoted(&one.id)));
            lines.push(format!("# name = {}  # others have it too", quoted(name)));
        }
        (None, None) => {
            lines.push(format!("id = {}", quoted(&one.id)));
            lines.push("# name = \"…\"  # it has none; apply gives it the one that stands here".to_owned());
        }
    }
    let mut field = |name: &str, value: &str| lines.push(format!("{name} = {}", quoted(value)));
    field("partner", &pair.partner);
    field("operator", &pair.operator);
    field("event", &one.event);
    field("callbackUrl", &one.callback_url);
    field("profile", &one.profile);
    field("environment", &one.environment);
    one.contract_id.iter().for_each(|contract| field("contract", contract));
    one.policy.iter().for_each(|policy| field("policy", policy));
    // What is active and stopped later must not be started by applying this again.
    if one.status == "INACTIVE" {
        field("status", &one.status);
    }
    if let Some(expires) = &one.expiration_date_time {
        lines.push(format!("# expires {}", one_line(expires)));
    }
    if one.all_text {
        lines.push("allText = true".to_owned());
    }
    if let Some(kind) = one.kind() {
        lines.push(format!("authentication = {{ type = {} }}", quoted(kind)));
        let members = Kind::parse(kind).map_or("its secret", members);
        lines.push(format!("# authentication also takes {members}  # set, not shown"));
    }
    if let Some(limits) = &one.limits {
        lines.push(format!("limits = {}", inline_table(&limits.value)));
    }
    lines.push("# signingKey = { env = \"…\" }  # set, not shown".to_owned());
    if one.body().is_some() || !one.headers.is_empty() {
        lines.push("[subscriptions.httpRequest]".to_owned());
        if let Some(body) = one.body() {
            lines.push(format!("jsonBody = {}", quoted(body.text.get())));
        }
        for name in &one.headers {
            lines.push(format!("# header.{} = {{ env = \"…\" }}  # set, not shown", one_line(name)));
        }
    }
    lines
}

/// Limits are numbers by names of the api's.
fn inline_table(limits: &Value) -> String {
    let bare = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let name = |name: &String| if bare(name) { name.clone() } else { quoted(name) };
    let members = limits.as_object().into_iter().flatten();
    let members: Vec<String> = members.map(|(key, limit)| format!("{} = {limit}", name(key))).collect();
    format!("{{ {} }}", members.join(", "))
}

const fn members(kind: Kind) -> &'static str {
    match kind {
        Kind::PayloadSignature => "secret = { env = \"…\" }",
        Kind::ApiKey => "key = { env = \"…\" }",
        Kind::Basic => "username = \"…\", password = { env = \"…\" }",
        Kind::Bearer => "token = { env = \"…\" }",
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !is_treacherous(*c)).collect()
}

#[cfg(test)]
mod tests;
