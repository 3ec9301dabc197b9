//! `aerogram subscriptions apply` and `export`: what an administrator's file says is what customers have, and receive.

mod pruning;

use crate::cluster::{Cluster, PATIENCE};
use crate::publish::event;
use crate::rest::{ACME, BLUEJET, Owner};
use crate::setup::{ADMIN, PUBLISHER, Setup, token_of};
use aerogram_testkit::process::Finished;
use aerogram_testkit::verify::verify_request;
use aerogram_testkit::{Request, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

/// What the files of these tests take from the environment.
const SECRETS: [(&str, &str); 3] = [
    ("ORDERS_AUTHORIZATION", "Bearer hush-orders"),
    ("CREW_KEY", "hush-crew"),
    ("FLIGHTS_KEY", "the key of bluejet's flights"),
];

/// A command as an administrator's shell runs it, with the secrets.
pub async fn aerogram(cluster: &Cluster, args: &[&str]) -> Result<Finished> {
    aerogram_as(cluster, ADMIN, &SECRETS, args).await
}

async fn aerogram_as(
    cluster: &Cluster,
    token: &str,
    secrets: &[(&str, &str)],
    args: &[&str],
) -> Result<Finished> {
    let role = cluster.setup.role("aerogram").env("AEROGRAM_TOKEN", token);
    let role = secrets.iter().fold(role, |role, (name, value)| role.env(*name, *value));
    args.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await
}

/// A file of subscriptions in the test's directory.
pub fn written(cluster: &Cluster, name: &str, text: &str) -> Result<String> {
    let path = cluster.setup.rig.dir().join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

pub async fn apply(cluster: &Cluster, path: &str, more: &[&str]) -> Result<Finished> {
    aerogram(cluster, &[&["subscriptions", "apply", path], more].concat()).await
}

/// It ends with this status and says all of this, on either stream.
pub fn said(finished: &Finished, status: i32, parts: &[&str]) {
    assert_eq!(finished.status.code(), Some(status), "{finished:?}");
    for part in parts {
        let there = finished.stdout.contains(part) || finished.stderr.contains(part);
        assert!(there, "{part:?} is not in {finished:?}");
    }
}

pub async fn nothing_to_do(cluster: &Cluster, path: &str, more: &[&str]) -> Result<()> {
    said(&apply(cluster, path, more).await?, 0, &["nothing to do"]);
    Ok(())
}

/// What a pair has, as its application sees it.
async fn listed(cluster: &Cluster, owner: Owner) -> Result<Vec<Value>> {
    let url = format!("http://{}/api/v2/webhooks/subscriptions", cluster.setup.api);
    let token = token_of(owner.operator);
    let headers = [("X-Api-Client-Id", owner.client), ("X-Auth-Token", token.as_str())];
    let answer = cluster.http.get(&url, &headers).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    answer.json().as_array().cloned().context("no list")
}

pub async fn named(cluster: &Cluster, owner: Owner, name: &str) -> Result<Value> {
    let all = listed(cluster, owner).await?;
    all.iter().find(|one| one["name"] == name).cloned().with_context(|| format!("no {name} in {all:?}"))
}

/// The first request on a path after an event that was published now.
pub async fn next(cluster: &Cluster, path: &str, event: &UpstreamEvent) -> Result<Arc<Request>> {
    let before = cluster.receiver.count_on(path);
    cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await?;
    cluster.receiver.wait_for_count(path, before + 1, PATIENCE).await?;
    cluster.receiver.requests_on(path).pop().context("no request")
}

/// An order of acme that is disrupted.
pub fn order(id: &str) -> UpstreamEvent {
    UpstreamEvent::new(
        id,
        "OrderDisrupted",
        "acme",
        "AGW-1",
        json!({"agwID": "AGW-1", "orderStatus": "disrupted"}),
    )
}

/// Three subscriptions of two pairs.
fn file(cluster: &Cluster, orders: &str, body: &str, policy: &str) -> String {
    let url = |path: &str| cluster.receiver.url(path);
    format!(
        r#"
        [[subscriptions]]
        name = "orders"
        partner = "app-1"
        operator = "acme"
        event = "OrderDisrupted"
        callbackUrl = "{}"
        httpRequest = {{ header = {{ authorization = {{ env = "ORDERS_AUTHORIZATION" }} }}, jsonBody = {body} }}

        [[subscriptions]]
        name = "crew"
        partner = "app-1"
        operator = "acme"
        event = "FLIGHT_CREW_ASSIGNMENT"
        callbackUrl = "{}"
        profile = "staffing"
        authentication = {{ type = "apiKey", key = {{ env = "CREW_KEY" }} }}

        [[subscriptions]]
        name = "flights"
        partner = "app-1"
        operator = "bluejet"
        event = "FLIGHT_CANCEL"
        callbackUrl = "{}"
        signingKey = {{ env = "FLIGHTS_KEY" }}
        {policy}
        "#,
        url(orders),
        url("/crew"),
        url("/flights")
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_says_is_what_customers_have() -> Result<()> {
    let cluster = Cluster::start(Setup::new("apply").await?).await?;
    let body = r#"{ order = "{{agwID}}" }"#;
    let path = written(&cluster, "customers.toml", &file(&cluster, "/orders", body, ""))?;
    nothing_without_secrets_or_a_token(&cluster, &path).await?;

    // Shown, and not done.
    let shown = apply(&cluster, &path, &["--dry-run", "--exit-code"]).await?;
    said(
        &shown,
        3,
        &[
            "create      app-1 acme  orders",
            "create      app-1 bluejet  flights",
            "3 to be done; 0 unchanged",
        ],
    );
    said(&apply(&cluster, &path, &["--dry-run"]).await?, 0, &["3 to be done"]);
    assert!(listed(&cluster, ACME).await?.is_empty());

    // Done, with the keys that were made for nobody else to read.
    let keys = cluster.setup.rig.dir().join("keys.toml");
    let keys_path = keys.display().to_string();
    let done = apply(&cluster, &path, &["--keys-out", &keys_path]).await?;
    said(&done, 0, &["created     app-1 acme  orders", "3 created; 0 unchanged"]);
    assert!(!done.stdout.contains("whsec_"), "{done:?}");
    assert_eq!(fs::metadata(&keys)?.permissions().mode() & 0o777, 0o600);
    let made: toml::Table = toml::from_str(&fs::read_to_string(&keys)?)?;
    let made = made["keys"].as_array().context("no keys")?;
    assert_eq!(made.len(), 2, "{made:?}");
    let key_of_orders = made.iter().find(|key| key["name"].as_str() == Some("orders"));
    let key_of_orders = key_of_orders.and_then(|key| key["signingKey"].as_str()).context("no key")?;
    nothing_to_do(&cluster, &path, &[]).await?;
    said(&apply(&cluster, &path, &["--dry-run", "--exit-code"]).await?, 0, &["nothing to do"]);
    let request = next(&cluster, "/orders", &order("first")).await?;
    verify_request(key_of_orders, &request)?;
    assert_eq!(request.json()?, json!({"order": "AGW-1"}));
    assert_eq!(request.header("authorization"), Some("Bearer hush-orders"));
    let cancelled = UpstreamEvent { operator: "bluejet".into(), ..event("cancelled", "FLIGHT_CANCEL") };
    verify_request("the key of bluejet's flights", &*next(&cluster, "/flights", &cancelled).await?)?;

    // Another URL and another body: the headers go with it, and nothing else changes.
    let body = r#"{ of = "{{agwID}}" }"#;
    let path = written(&cluster, "customers.toml", &file(&cluster, "/moved", body, ""))?;
    let before = named(&cluster, ACME, "orders").await?;
    let shown = apply(&cluster, &path, &["--dry-run"]).await?;
    said(
        &shown,
        0,
        &[
            "update      app-1 acme  orders",
            "/orders → https://",
            "httpRequest: {",
            "1 to be done; 2 unchanged",
        ],
    );
    said(&apply(&cluster, &path, &[]).await?, 0, &["1 updated; 2 unchanged"]);
    nothing_to_do(&cluster, &path, &[]).await?;
    assert_eq!(named(&cluster, ACME, "orders").await?["id"], before["id"]);
    let request = next(&cluster, "/moved", &order("second")).await?;
    assert_eq!(request.json()?, json!({"of": "AGW-1"}));
    assert_eq!(request.header("authorization"), Some("Bearer hush-orders"));

    secrets_are_set_when_asked(&cluster, &path).await?;
    what_fails_is_told_and_the_rest_is_done(&cluster, body).await?;
    exported_is_nothing_to_do(&cluster).await?;
    pruning::pruned_and_made_again(&cluster, &path).await?;
    pruning::renamed_by_somebody_else_is_left_alone(&cluster).await?;
    for (name, log) in cluster.logs()? {
        assert!(!log.contains("hush-"), "a secret stands in the log of {name}");
    }
    Ok(())
}

async fn nothing_without_secrets_or_a_token(cluster: &Cluster, path: &str) -> Result<()> {
    let args = ["subscriptions", "apply", path];
    let without = aerogram_as(cluster, ADMIN, &SECRETS[..1], &args).await?;
    said(
        &without,
        2,
        &[
            "2 mistakes",
            "authentication.key: the variable CREW_KEY is not set",
            "the variable FLIGHTS_KEY is not set",
        ],
    );
    for token in [PUBLISHER, "nobody's"] {
        said(&aerogram_as(cluster, token, &SECRETS, &args).await?, 1, &["401"]);
        let ended = aerogram_as(cluster, token, &SECRETS, &[&args[..], &["--json"]].concat()).await?;
        let told: Value = serde_json::from_str(&ended.stdout)?;
        assert!(told["error"].as_str().is_some_and(|error| error.starts_with("401")), "{ended:?}");
    }
    let wrong = written(
        cluster,
        "wrong.toml",
        "[[subscriptions]]\nname = \"x\"\npartner = \"app-1\"\noperator = \"acme\"\nevent = \"OrderCreated\"\n\
         callbackUrl = \"http://a.example/\"\nenviroment = \"production\"\nsigningKey = { env = \"NOWHERE\" }\n",
    )?;
    said(
        &apply(cluster, &wrong, &[]).await?,
        2,
        &[
            "line 6: subscriptions[0].callbackUrl: must begin",
            "line 7: subscriptions[0].enviroment: is unknown",
            "line 8: subscriptions[0].signingKey: the variable NOWHERE is not set",
        ],
    );
    let told: Value = serde_json::from_str(&apply(cluster, &wrong, &["--json"]).await?.stdout)?;
    assert!(told["error"].as_str().is_some_and(|error| error.contains("2 mistakes")), "{told}");
    assert!(listed(cluster, ACME).await?.is_empty() && listed(cluster, BLUEJET).await?.is_empty());
    Ok(())
}

async fn secrets_are_set_when_asked(cluster: &Cluster, path: &str) -> Result<()> {
    let other = [SECRETS[0], ("CREW_KEY", "hush-other"), SECRETS[2]];
    let args = ["subscriptions", "apply", path];
    let alone = aerogram_as(cluster, ADMIN, &other, &args).await?;
    said(&alone, 0, &["nothing to do", "--set-secrets"]);
    let crew = |id: &str| event(id, "FLIGHT_CREW_ASSIGNMENT");
    let request = next(cluster, "/crew", &crew("crew-1")).await?;
    assert_eq!(request.header("x-api-key"), Some("hush-crew"));
    let set = aerogram_as(cluster, ADMIN, &other, &[&args[..], &["--set-secrets"]].concat()).await?;
    said(&set, 0, &["authentication: its secrets are set anew", "3 updated"]);
    let request = next(cluster, "/crew", &crew("crew-2")).await?;
    assert_eq!(request.header("x-api-key"), Some("hush-other"));
    Ok(())
}

/// A policy that there is not, in the file or in the installation.
async fn what_fails_is_told_and_the_rest_is_done(cluster: &Cluster, body: &str) -> Result<()> {
    let text = file(cluster, "/again", body, "policy = \"nobody's\"");
    let path = written(cluster, "failing.toml", &text)?;
    let done = apply(cluster, &path, &["--json"]).await?;
    said(&done, 1, &["is not a retry policy of this installation"]);
    let report: Value = serde_json::from_str(&done.stdout)?;
    assert_eq!(
        (&report["summary"]["updated"], &report["summary"]["failed"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    let failed =
        report["subscriptions"].as_array().context("a list")?.iter().find(|one| one["state"] == "failed");
    let failed = failed.context("none failed")?;
    assert_eq!(
        (&failed["name"], &failed["fields"]),
        (&json!("flights"), &json!([{"field": "policy", "old": null, "new": "nobody's"}]))
    );
    assert_eq!(named(cluster, ACME, "orders").await?["callbackUrl"], cluster.receiver.url("/again"));

    // What can't be changed is not tried; an operator that there is not takes nobody else down.
    let text =
        text.replace("event = \"OrderDisrupted\"", "event = \"OrderCreated\"").replace("bluejet", "nobody");
    let path = written(cluster, "impossible.toml", &text)?;
    let done = apply(cluster, &path, &[]).await?;
    said(
        &done,
        1,
        &[
            "event can't be changed (OrderDisrupted → OrderCreated)",
            "what its pair has is not known: 403",
            "2 impossible",
        ],
    );
    Ok(())
}

async fn exported_is_nothing_to_do(cluster: &Cluster) -> Result<()> {
    // One without a name as well.
    cluster.subscribe(ACME, "FLIGHT_CREATE", "/nameless", &json!({"policy": "standard"})).await?;
    let exported =
        aerogram(cluster, &["subscriptions", "export", "--partner", "app-1", "--operator", "acme"]).await?;
    said(&exported, 0, &["# header.authorization = { env = \"…\" }  # set, not shown"]);
    assert!(!exported.stdout.contains("hush") && !exported.stdout.contains("ACTIVE"), "{exported:?}");
    let path = written(cluster, "exported.toml", &exported.stdout)?;
    // Without any of the secrets.
    let args = ["subscriptions", "apply", &path, "--prune"];
    said(&aerogram_as(cluster, ADMIN, &[], &args).await?, 0, &["nothing to do: 3 as the file says"]);
    // Given a name, it is taken in.
    let nameless = exported.stdout.replace("# name = \"…\"", "name = \"taken in\"");
    let path = written(cluster, "adopted.toml", &nameless)?;
    said(&apply(cluster, &path, &[]).await?, 0, &["name: none → taken in", "1 updated"]);
    let taken = named(cluster, ACME, "taken in").await?;
    assert_eq!(taken["callbackUrl"], cluster.receiver.url("/nameless"));
    Ok(())
}
