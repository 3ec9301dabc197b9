//! The verifiers of PyPI and npm that the Standard Webhooks project publishes take what a receiver logged for genuine,
//! whatever the kind of key, in all attempts and while keys are changed, and nothing that was changed on the way. They are
//! made with the key as `docs/receive.md` says.

use crate::cluster::{Cluster, PATIENCE};
use crate::docs_page::root;
use crate::docs_run::{clients, driver, run};
use crate::logged::{self, Case, judge};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use aerogram_testkit::{Behaviour, UpstreamEvent};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tokio::process::Command;

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";
const PLAIN: &str = "your-secret-signing-key-123";
const ENCODED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOT_ASCII: &str = "schlüssel-ключ-鍵";
const ANOTHER: &str = "another-secret-signing-key";

/// How the page makes a verifier of a registry's library: of a key after `whsec_`, and of any other.
fn made_with(registry: &str) -> Result<(String, String)> {
    let text = fs::read_to_string(root().join("docs/receive.md"))?;
    let start = format!("| {registry} | `standardwebhooks` | `");
    let row = text.lines().find_map(|line| line.strip_prefix(&start)).context("no such row in the page")?;
    let (encoded, rest) = row.split_once("`, `").context("one form of a key in the row")?;
    let raw = rest.strip_suffix("` |").context("something after the forms")?;
    Ok((encoded.to_owned(), raw.to_owned()))
}

/// Publishes an event, waits until each hook has had so many requests more, and takes them as cases.
async fn next(cluster: &Cluster, id: &str, hooks: &[(&Subscription, usize)]) -> Result<Vec<Case>> {
    let before: Vec<usize> = hooks.iter().map(|(hook, _)| cluster.receiver.count_on(&hook.path)).collect();
    let data = json!({"of": id, "name": "Zoë Müller-Łukasz", "text": "a \"quoted\"\tline\n😀", "n": 1.50});
    let event = UpstreamEvent::new(id, KIND, "acme", "flight-1", data);
    cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await?;
    let mut cases = Vec::new();
    for ((hook, more), before) in hooks.iter().zip(before) {
        cluster.receiver.wait_for_count(&hook.path, before + more, PATIENCE).await?;
        let requests = cluster.receiver.requests_on(&hook.path);
        cases.extend(requests.iter().skip(before).map(|request| Case::genuine(&hook.key, request)));
    }
    Ok(cases)
}

/// What somebody else might make of it.
fn forged(case: &Case) -> Result<Vec<Case>> {
    let timestamp_s: i64 = case.header("webhook-timestamp").parse()?;
    let with = |what: &str, name: &str, value: &str| case.but(what, false, |c| c.set(name, value));
    let mut old = case.but("signed six minutes ago", false, |_| {});
    old.sign_at(-360)?;
    Ok(vec![
        case.but("one byte of the body changed", false, |c| {
            // A letter: what is no text any more would be refused for that.
            if let Some(letter) = c.body.iter_mut().rev().find(|byte| byte.is_ascii_alphabetic()) {
                *letter ^= 1;
            }
        }),
        case.but("a blank more at the body's end", false, |c| c.body.push(b' ')),
        with("with another id", "webhook-id", "msg_00000000000000000000000000000000"),
        with("with another timestamp", "webhook-timestamp", &(timestamp_s - 1).to_string()),
        case.but("with another key", false, |c| c.key = ANOTHER.to_owned()),
        case.but("with another key after whsec_", false, |c| {
            c.key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".to_owned();
        }),
        case.but("without a signature", false, |c| drop(c.headers.remove("webhook-signature"))),
        old,
    ])
}

/// The same request under another key: one that signs too, or one that no longer does.
fn under(case: &Case, key: &str, genuine: bool) -> Case {
    let what = if genuine { "under the other key" } else { "under a key that is no longer in force" };
    case.but(what, genuine, |c| c.key = key.to_owned())
}

/// A key is replaced with an overlap, replaced once more, and at last without one.
async fn rotated(cluster: &Cluster) -> Result<Vec<Case>> {
    let first = PLAIN;
    let mut hook = cluster.subscribe_with_key(ACME, KIND, "/rotated", first, &json!({})).await?;
    let replace = async |body: Value| -> Result<Value> {
        let answer = cluster.rest.replace_key(&hook, &body).await?;
        ensure!(answer.status == 201, "{body}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    };
    let one = |mut cases: Vec<Case>| cases.pop().context("no request");
    let mut all = Vec::new();

    let before = one(next(cluster, "before", &[(&hook, 1)]).await?)?;
    all.extend([under(&before, ENCODED, false), before]);

    let second = ENCODED;
    replace(json!({"signingKey": second, "overlapHours": 1})).await?;
    let overlap = one(next(cluster, "overlap", &[(&hook, 1)]).await?)?;
    all.extend([under(&overlap, second, true), under(&overlap, ANOTHER, false)]);
    let changed = |c: &mut Case| c.body.push(b' ');
    all.push(under(&overlap, second, true).but("changed", false, changed));
    all.push(overlap.but("changed", false, changed));
    all.push(overlap);

    // The oldest is out when a third comes during the overlap; it is made, and shown this once.
    let made = replace(json!({})).await?;
    let third = made["signingKey"].as_str().context("no key was made")?.to_owned();
    let again = one(next(cluster, "again", &[(&hook, 1)]).await?)?;
    all.extend([under(&again, first, false), under(&again, second, true), under(&again, &third, true)]);

    replace(json!({"signingKey": NOT_ASCII, "overlapHours": 0})).await?;
    NOT_ASCII.clone_into(&mut hook.key);
    let after = one(next(cluster, "after", &[(&hook, 1)]).await?)?;
    all.extend([first, second, &third].map(|key| under(&after, key, false)));
    all.push(after);
    Ok(all)
}

async fn python(dir: &Path) -> Result<String> {
    let (encoded, raw) = made_with("PyPI")?;
    run(Command::new("python3")
        .arg(driver("official_verifier.py"))
        .args([&encoded, &raw, "logged.json"])
        .env("PYTHONPATH", clients().await?.join("python"))
        .current_dir(dir))
    .await
}

async fn javascript(dir: &Path) -> Result<String> {
    let (encoded, raw) = made_with("npm")?;
    // A module is looked for beside the program.
    symlink(clients().await?.join("javascript/node_modules"), dir.join("node_modules"))?;
    fs::copy(driver("official_verifier.mjs"), dir.join("official_verifier.mjs"))?;
    run(Command::new("node").args(["official_verifier.mjs", &encoded, &raw, "logged.json"]).current_dir(dir))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_verifiers_take_our_deliveries_and_nothing_else() -> Result<()> {
    // Before anything is signed: installing may take longer than a signature is good for.
    clients().await?;
    let cluster = Cluster::start(Setup::new("verifiers").await?).await?;
    let secret =
        json!({"profile": "staffing", "authentication": {"type": "payloadSignature", "secret": "hush"}});
    let own_body =
        json!({"httpRequest": {"header": {"x-of": "{{eventId}}"}, "jsonBody": {"ö": ["{{eventId}}"]}}});
    let mut hooks = Vec::new();
    for (path, key, extra, requests) in [
        ("/plain", PLAIN, json!({}), 1),
        ("/encoded", ENCODED, json!({}), 1),
        ("/not-ascii", NOT_ASCII, json!({}), 1),
        ("/own-body", PLAIN, own_body, 1),
        // Two at once and a minute before the next: each attempt is signed anew, under the same id.
        ("/again", ENCODED, secret, 2),
    ] {
        hooks.push((cluster.subscribe_with_key(ACME, KIND, path, key, &extra).await?, requests));
    }
    cluster.receiver.behave("/again", Behaviour::fail_first(1, 503));
    let hooks: Vec<_> = hooks.iter().map(|(hook, requests)| (hook, *requests)).collect();
    let genuine = next(&cluster, "first", &hooks).await?;
    assert_eq!(genuine.len(), 6);
    let mut cases = Vec::new();
    for case in genuine {
        cases.extend(forged(&case)?);
        cases.push(case);
    }
    for (hook, _) in hooks {
        let answer = cluster.rest.delete(hook).await?;
        ensure!(answer.status == 204, "deleting: {} {}", answer.status, answer.text());
    }
    cases.extend(rotated(&cluster).await?);

    let dir = cluster.setup.rig.dir();
    logged::write(&dir.join("logged.json"), &cases)?;
    let (python, javascript) = tokio::try_join!(python(dir), javascript(dir))?;
    judge("PyPI's standardwebhooks", &python, &cases)?;
    judge("npm's standardwebhooks", &javascript, &cases)
}
