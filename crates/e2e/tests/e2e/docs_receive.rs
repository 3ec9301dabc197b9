//! `docs/receive.md`: what a receiver is told to expect is what comes, and its snippets tell a genuine request from any
//! other. They are taken from the page as they stand there.

#[path = "docs/verify.rs"]
mod verify;

use crate::cluster::{Cluster, PATIENCE};
use crate::docs_page::Page;
use crate::docs_run::{self, driver, run};
use crate::logged::{self, Case, judge};
use crate::rest::{ACME, ACME_2, ACME_3};
use crate::setup::Setup;
use aerogram_testkit::verify::{sign, verify_request};
use aerogram_testkit::{Request, UpstreamEvent};
use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tokio::process::Command;

const PAGE: &str = "docs/receive.md";
const KIND: &str = "OrderDisrupted";
const PLAIN: &str = "your-secret-signing-key-123";
const ENCODED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOT_ASCII: &str = "schlüssel-ключ-鍵";

/// The delivery itself, and everything it must not be taken for.
fn variants(case: &Case) -> Result<Vec<Case>> {
    let signature = case.header("webhook-signature").to_owned();
    let timestamp_s: i64 = case.header("webhook-timestamp").parse()?;
    let foreign = sign("another key", case.header("webhook-id"), timestamp_s, &case.body)?;
    let with = |what: &str, genuine: bool, name: &str, value: &str| {
        case.but(&format!("with {what}"), genuine, |c| c.set(name, value))
    };
    let without = |name: &str| case.but(&format!("without {name}"), false, |c| drop(c.headers.remove(name)));
    let at = |what: &str, genuine: bool, seconds_from_now: i64| -> Result<Case> {
        let mut signed = case.but(what, genuine, |_| {});
        signed.sign_at(seconds_from_now)?;
        Ok(signed)
    };
    let listed = |others: &[&str]| format!("{} {signature}", others.join(" "));
    let cut = &signature[..signature.len() - 1];
    Ok(vec![
        case.clone(),
        case.but("one byte changed", false, |c| {
            let middle = c.body.len() / 2;
            c.body[middle] ^= 1;
        }),
        case.but("a byte more", false, |c| c.body.push(b'\n')),
        case.but("another key", false, |c| c.key = "another key".to_owned()),
        case.but("the other kind of key", false, |c| match c.key.strip_prefix("whsec_") {
            Some(encoded) => c.key = encoded.to_owned(),
            None => c.key = format!("whsec_{}", BASE64.encode("another key")),
        }),
        at("signed six minutes ago", false, -360)?,
        at("signed in six minutes", false, 360)?,
        at("signed four minutes ago", true, -240)?,
        case.but("moved to now", false, |c| c.set("webhook-timestamp", (timestamp_s + 1).to_string())),
        with("two signatures of which the second fits", true, "webhook-signature", &listed(&[&foreign])),
        with(
            "signatures of unknown kinds",
            true,
            "webhook-signature",
            &listed(&["v1a,YQ==", "v2,", "v1,", "x", "v1,no base64 é"]),
        ),
        with("a signature that does not fit", false, "webhook-signature", &foreign),
        with("a signature of another version", false, "webhook-signature", &signature.replace("v1,", "v2,")),
        with("a signature cut short", false, "webhook-signature", cut),
        with("nothing that could be a signature", false, "webhook-signature", "é"),
        with("an empty signature", false, "webhook-signature", "v1,"),
        with("another id", false, "webhook-id", "msg_other"),
        with("a timestamp that is none", false, "webhook-timestamp", "soon"),
        with("an endless timestamp", false, "webhook-timestamp", &"9".repeat(400)),
        without("webhook-id"),
        without("webhook-timestamp"),
        without("webhook-signature"),
    ])
}

/// A key that is missing must not mean that everybody's signature under an empty key fits.
fn without_key(case: &Case) -> Result<Vec<Case>> {
    ["", "whsec_"]
        .map(|key| {
            let mut case = case.but(&format!("with the key {key:?}"), false, |c| c.key = String::new());
            case.sign_at(0)?;
            key.clone_into(&mut case.key);
            Ok(case)
        })
        .into_iter()
        .collect()
}

/// Three deliveries of one event, each under a key of another kind, taken down by the receiver.
async fn delivered(cluster: &Cluster) -> Result<Vec<Case>> {
    let page = Page::read(PAGE)?;
    let (_, body) = page.block("http")?.split_once("\n\n").context("the request in the page has no body")?;
    let body: Value = serde_json::from_str(body)?;
    let text = |name: &str| body[name].as_str().with_context(|| format!("no {name} in {body}"));
    let mut event = UpstreamEvent::new(text("id")?, text("type")?, "acme", "flight", body["data"].clone());
    event.time = text("timestamp")?.to_owned();

    let keys = [(ACME, "/plain", PLAIN), (ACME_2, "/encoded", ENCODED), (ACME_3, "/not-ascii", NOT_ASCII)];
    let mut subscriptions = Vec::new();
    for (owner, path, key) in keys {
        subscriptions.push(cluster.subscribe_with_key(owner, KIND, path, key, &json!({})).await?);
    }
    cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await?;
    let mut cases = Vec::new();
    for subscription in &subscriptions {
        cluster.receiver.wait_for_count(&subscription.path, 1, PATIENCE).await?;
        let requests = cluster.receiver.requests_on(&subscription.path);
        let request = requests.first().context("no request")?;
        verify_request(&subscription.key, request)?;
        let mut expected = body.clone();
        expected["subscriptionId"] = json!(subscription.id);
        assert_eq!(request.json()?, expected, "the body is as the page has it");
        as_in_the_page(&page, request)?;
        cases.push(Case::genuine(&subscription.key, request));
    }
    Ok(cases)
}

/// The page shows a request with these headers, no others.
fn as_in_the_page(page: &Page, request: &Request) -> Result<()> {
    let (head, body) = page.block("http")?.split_once("\n\n").context("no body in the page")?;
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /hook HTTP/1.1"));
    assert_eq!(request.method.as_str(), "POST");
    let shown: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(": ")).collect();
    let came: BTreeSet<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(came, shown.keys().copied().collect::<BTreeSet<_>>(), "headers");
    for name in ["content-type", "user-agent"] {
        assert_eq!(request.header(name), shown.get(name).copied(), "{name}");
    }
    let body = body.trim_end();
    assert_eq!(shown["content-length"], body.len().to_string());
    let signature = sign(PLAIN, shown["webhook-id"], shown["webhook-timestamp"].parse()?, body.as_bytes())?;
    assert_eq!(shown["webhook-signature"], signature, "the page's own request is signed with {PLAIN}");
    Ok(())
}

async fn python(dir: &Path, snippet: &str) -> Result<String> {
    fs::write(dir.join("verify.py"), snippet)?;
    run(Command::new("python3")
        .arg(driver("verify_driver.py"))
        .args(["verify.py", "cases.json"])
        .current_dir(dir))
    .await
}

async fn javascript(dir: &Path, snippet: &str) -> Result<String> {
    fs::write(dir.join("verify.mjs"), snippet)?;
    run(Command::new("node")
        .arg(driver("verify_driver.mjs"))
        .args(["verify.mjs", "cases.json"])
        .current_dir(dir))
    .await
}

/// The snippet is a package; the driver is a program of the same module that uses it.
async fn go(dir: &Path, snippet: &str) -> Result<String> {
    let module = dir.join("go");
    fs::create_dir_all(module.join("webhook"))?;
    fs::write(module.join("go.mod"), "module receiver\n\ngo 1.21\n")?;
    fs::write(module.join("webhook/verify.go"), snippet)?;
    fs::copy(driver("verify_driver.go"), module.join("main.go"))?;
    run(&mut docs_run::go(&module, "vet", &["./..."])).await?;
    run(&mut docs_run::go(&module, "run", &[".", "../cases.json"])).await
}

fn rust(cases: &[Case]) -> String {
    let verified = cases.iter().map(|case| {
        let header = |name: &str| case.headers.get(name).map(String::as_str);
        verify::verify(&case.key, header, &case.body)
    });
    verified
        .map(|result| result.map_or_else(|why| format!("refused: {why:?}\n"), |()| "ok\n".into()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_snippet_tells_our_deliveries_from_any_other_request() -> Result<()> {
    let page = Page::read(PAGE)?;
    assert_eq!(page.block("rust")?, include_str!("docs/verify.rs"), "the page shows what is compiled here");
    let cluster = Cluster::start(Setup::new("docs-receive").await?).await?;
    let mut cases = Vec::new();
    for case in delivered(&cluster).await? {
        cases.extend(variants(&case)?);
        cases.extend(without_key(&case)?);
    }
    let dir = cluster.setup.rig.dir();
    logged::write(&dir.join("cases.json"), &cases)?;

    let (python, javascript, go) = tokio::try_join!(
        python(dir, page.block("python")?),
        javascript(dir, page.block("javascript")?),
        go(dir, page.block("go")?),
    )?;
    let said = [("Python", python), ("JavaScript", javascript), ("Go", go), ("Rust", rust(&cases))];
    said.iter().try_for_each(|(language, said)| judge(language, said, &cases))
}
