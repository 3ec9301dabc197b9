//! What is asked of the api, and how its answers are told.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::options::{Begin, CancelArgs, RedeliverArgs, ReplayArgs, TasksArgs, TestArgs};
use crate::http::{Call, Http};
use crate::reach::{BASE, Who, is_id};
use crate::table::cut;
use crate::{FAILED, say};

/// How often it is asked how far a task is.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Longest text of others that is shown, in characters.
const TEXT_CHARS_MAX: usize = 300;

pub async fn redeliver(http: &Http, args: &RedeliverArgs) -> anyhow::Result<ExitCode> {
    if let Some(id) = &args.id {
        ensure!(!args.begin.dry_run, "--dry-run goes with --all");
        let told = post(http, &format!("/deliveries/{}/redeliveries", part(id)?), &json!({})).await?;
        return Ok(tell(&args.who, &told, || format!("sent again as {}", text(&told, "id"))));
    }
    let wish = object([
        ("status", (!args.status.is_empty()).then(|| json!(args.status))),
        ("subscriptionId", args.subscription.as_ref().map(|id| json!(id))),
        ("eventType", args.event.as_ref().map(|event| json!(event))),
        ("subject", args.subject.as_ref().map(|subject| json!(subject))),
        ("since", args.since.as_ref().map(|since| json!(since))),
        ("until", args.until.as_ref().map(|until| json!(until))),
    ]);
    begin(http, &args.who, &args.begin, "/redeliveries", wish).await
}

pub async fn replay(http: &Http, args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let wish = object([
        ("since", Some(json!(args.since))),
        ("until", args.until.as_ref().map(|until| json!(until))),
        ("all", args.everything.then_some(Value::Bool(true))),
    ]);
    let path = format!("/subscriptions/{}/replays", part(&args.subscription)?);
    begin(http, &args.who, &args.begin, &path, wish).await
}

pub async fn test(http: &Http, args: &TestArgs) -> anyhow::Result<ExitCode> {
    let wish = Value::Object(object([("eventType", args.event.as_ref().map(|event| json!(event)))]));
    let path = format!("/subscriptions/{}/test-events", part(&args.subscription)?);
    let told = post(http, &path, &wish).await?;
    let said = tell(&args.who, &told, || tested(&told));
    Ok(if told["status"] == "DELIVERED" { said } else { ExitCode::from(FAILED) })
}

pub async fn tasks(http: &Http, args: &TasksArgs) -> anyhow::Result<ExitCode> {
    let told: Value = http.get(&format!("{BASE}/tasks"), &[]).await?.json()?;
    let lines = || {
        let tasks = told["tasks"].as_array().into_iter().flatten();
        tasks.map(|task| format!("{}  {}", text(task, "id"), progress(task))).collect::<Vec<_>>().join("\n")
    };
    Ok(tell(&args.who, &told, lines))
}

pub async fn cancel(http: &Http, args: &CancelArgs) -> anyhow::Result<ExitCode> {
    let path = format!("{BASE}/tasks/{}", part(&args.id)?);
    let call = Call { method: Method::DELETE, path: &path, ..Call::default() };
    let told: Value = http.patiently(&call).await?.json()?;
    Ok(tell(&args.who, &told, || progress(&told)))
}

/// Has a task begun, or only told what it would do, and waits for its end.
async fn begin(
    http: &Http,
    who: &Who,
    begin: &Begin,
    path: &str,
    mut wish: Map<String, Value>,
) -> anyhow::Result<ExitCode> {
    if begin.dry_run {
        wish.insert("dryRun".to_owned(), json!(true));
        let told = post(http, path, &Value::Object(wish)).await?;
        return Ok(tell(who, &told, || dry_run(&told)));
    }
    let mut task = post(http, path, &Value::Object(wish)).await?;
    let id = part(&text(&task, "id"))?.to_owned();
    while !begin.no_wait && task["state"] == "RUNNING" {
        tokio::time::sleep(LOOK_AGAIN).await;
        task = http.get(&format!("{BASE}/tasks/{id}"), &[]).await?.json()?;
    }
    let said = tell(who, &task, || format!("{id}  {}", progress(&task)));
    let went_well = matches!(task["state"].as_str(), Some("RUNNING" | "DONE"));
    Ok(if went_well { said } else { ExitCode::from(FAILED) })
}

/// With a key, so that it may be asked again until there is an answer.
async fn post(http: &Http, path: &str, body: &Value) -> anyhow::Result<Value> {
    let key = uuid::Uuid::new_v4().to_string();
    let call = Call {
        method: Method::POST,
        path: &format!("{BASE}{path}"),
        headers: &[("idempotency-key", &key)],
        body: Some(("application/json", Bytes::from(body.to_string()))),
        ..Call::default()
    };
    http.patiently(&call).await?.json()
}

/// What is no id of ours must not become another path.
pub fn part(id: &str) -> anyhow::Result<&str> {
    ensure!(is_id(id), "{id:?} is no id");
    Ok(id)
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn tell(who: &Who, told: &Value, in_words: impl FnOnce() -> String) -> ExitCode {
    match who.json {
        true => say(&format!("{told:#}")),
        false => say(&in_words()),
    }
}

fn text(value: &Value, name: &str) -> String {
    cut(value[name].as_str().unwrap_or_default(), TEXT_CHARS_MAX)
}

pub fn progress(task: &Value) -> String {
    let count = |name: &str| task["progress"][name].as_u64().unwrap_or_default();
    let (seen, sent, left_out) = (count("seen"), count("sent"), count("leftOut"));
    let waiting = task["progress"]["waiting"].as_u64().filter(|waiting| *waiting > 0);
    let waiting = waiting.map(|waiting| format!(", {waiting} of them on their way")).unwrap_or_default();
    let detail = task["detail"].as_str().map(|_| format!(": {}", text(task, "detail"))).unwrap_or_default();
    format!("{}{detail}  {seen} match, {sent} sent{waiting}, {left_out} left out", text(task, "state"))
}

pub fn dry_run(told: &Value) -> String {
    let count = |name: &str| told[name].as_u64().unwrap_or_default();
    if told["wouldBeSent"].is_null() {
        let at_least = if told["matchingIsAtLeast"] == true { "at least " } else { "" };
        return format!("{at_least}{} match; nothing was sent", count("matching"));
    }
    let at_least = if told["complete"] == true { "" } else { "at least " };
    format!(
        "{at_least}{} events match, {} would be sent ({} repeat others, {} were delivered or are under way); nothing was sent",
        count("matching"),
        count("wouldBeSent"),
        count("repetitions"),
        count("alreadyDelivered"),
    )
}

pub fn tested(told: &Value) -> String {
    let attempt = &told["attempt"];
    let what = match (told["status"].as_str(), attempt.is_null()) {
        (Some("PENDING"), _) => "not answered yet".to_owned(),
        (_, true) => format!("not sent: {}", text(told, "status")),
        (Some("DELIVERED"), _) => "taken".to_owned(),
        _ => "not taken".to_owned(),
    };
    let mut lines = vec![format!("{}  {}  {what}", text(told, "id"), text(told, "eventType"))];
    if !attempt.is_null() {
        let status = attempt["status"].as_u64().map(|status| format!(" {status}")).unwrap_or_default();
        let took = attempt["durationMs"].as_u64().unwrap_or_default();
        lines.push(format!("  {}{status} after {took} ms", text(attempt, "outcome")));
    }
    for name in ["problem", "tlsProblem", "excerpt"] {
        if attempt[name].is_string() {
            lines.push(format!("  {}", text(attempt, name)));
        }
    }
    lines.join("\n")
}
