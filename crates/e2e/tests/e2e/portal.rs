//! The portal as people use it: Debian's chromium does what they do, against all roles as processes, and what the receivers
//! wrote down says whether it was done. What is done stands in `portal/flows`, a file for each thing; see `portal/run.mjs`.

mod asked;
mod people;

use crate::cluster::Cluster;
use crate::docs_page::root;
use crate::docs_run::run_within;
use crate::scale::{percent, scaled};
use crate::setup::Setup;
use anyhow::{Context, Result, ensure};
use asked::Asked;
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

/// What people do, by the names of the files, the longest first; each does it for an operator of its own, so that several can be at
/// it at a time.
const TOGETHER: [&str; 18] = [
    "tour",
    "hostile",
    "many",
    "list",
    "no-script",
    "excel",
    "add",
    "edit",
    "keys",
    "remove",
    "deliveries",
    "redeliver",
    "escalations",
    "events",
    "overview",
    "strangers",
    "other-sites",
    "keyboard",
];
/// These start the api anew, or end a session: nothing else can go on meanwhile.
const ALONE: [&str; 2] = ["sign-in", "renew"];
/// Only these flows, with commas between them; all are run otherwise.
const CHOSEN: &str = "AEROGRAM_PORTAL_FLOWS";
/// `1`: only the tour is run, at both widths, light and dark, and a picture of each page is left in `target/portal-shots`.
const SHOTS: &str = "AEROGRAM_PORTAL_SHOTS";
/// Subscriptions of the flow `many`, at full scale.
const MANY: usize = 10_000;
/// Packages come over the network the first time.
const INSTALLED_WITHIN: Duration = Duration::from_secs(600);
/// At a tenth of the scale.
const DONE_WITHIN: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_do_with_their_browsers_what_the_portal_is_for() -> Result<()> {
    let mut install = Command::new(root().join("scripts/install-portal-tests.sh"));
    let installed = run_within(&mut install, INSTALLED_WITHIN).await?;
    let packages = PathBuf::from(installed.lines().last().context("it did not say where it is")?);
    let mut setup = Setup::new("portal").await?;
    setup.set("API__CLIENT_RATE_PER_MINUTE", "0");
    setup.set("API__FAILED_LOGINS_PER_MINUTE", "0");
    setup.set("CREDENTIALS__RELOAD_MS", "100");
    setup.set("DELIVERER__FAILING_NOTED_AFTER_MS", "500");
    setup.set("DELIVERER__LANE_FAILURES_MAX", "12");
    setup.set("DELIVERER__LANE_FAILING_MIN_MS", "0");
    // Nobody comes back by a probe while it is looked at.
    setup.set("SCHEDULER__PROBE_WAIT_MIN_MS", "600000");
    setup.set("SCHEDULER__PROBE_WAIT_MAX_MS", "600000");
    setup.policies(&json!({
        "twice": {"delays_ms": [0], "jitter_percent": 0},
        "patient": {"delays_ms": vec![600_000; 10], "jitter_percent": 0},
        "steady": {"delays_ms": vec![3_000; 30], "jitter_percent": 0},
    }));
    let flows = chosen()?;
    people::write(&setup, flows.iter().copied())?;
    let dir = prepared(&setup, &packages)?;
    let cluster = Cluster::start(setup).await?;
    let told = told(&cluster, &flows, &packages, &dir);
    let within = DONE_WITHIN * u32::try_from(percent().div_ceil(10))?;
    tokio::time::timeout(within, run(cluster, &dir, &told))
        .await
        .with_context(|| format!("the browser was not done within {within:?}"))?
}

fn chosen() -> Result<Vec<&'static str>> {
    let all = || TOGETHER.into_iter().chain(ALONE);
    if is_for_shots() {
        return Ok(vec!["tour"]);
    }
    let Ok(named) = env::var(CHOSEN) else { return Ok(all().collect()) };
    let named = named.split(',').filter(|name| !name.is_empty());
    named
        .map(|name| {
            all().find(|known| *known == name).with_context(|| format!("{CHOSEN} has no flow {name}"))
        })
        .collect()
}

fn is_for_shots() -> bool {
    env::var(SHOTS).is_ok_and(|value| value == "1")
}

/// The modules, beside the packages that they use.
fn prepared(setup: &Setup, packages: &Path) -> Result<PathBuf> {
    let (own, dir) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/portal"), setup.rig.dir().join("portal"));
    for part in ["", "flows"] {
        fs::create_dir_all(dir.join(part))?;
        for entry in fs::read_dir(own.join(part))? {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            if path.extension().is_some_and(|kind| kind == "mjs" || kind == "py") {
                fs::copy(&path, dir.join(part).join(name))
                    .with_context(|| format!("copying {}", path.display()))?;
            }
        }
    }
    symlink(packages.join("node_modules"), dir.join("node_modules"))?;
    Ok(dir)
}

/// What the browser's side must know.
fn told(cluster: &Cluster, flows: &[&str], packages: &Path, dir: &Path) -> Value {
    let is_full = percent() == 100 || is_for_shots();
    json!({
        "api": format!("http://{}", cluster.setup.api),
        "receiver": cluster.receiver.url(""),
        "client": people::CLIENT,
        "flows": flows.iter().filter(|flow| !ALONE.contains(flow)).collect::<Vec<_>>(),
        "alone": flows.iter().filter(|flow| ALONE.contains(flow)).collect::<Vec<_>>(),
        "many": scaled(MANY),
        "isFull": is_full,
        "shots": is_full.then(|| packages.with_file_name("portal-shots").display().to_string()),
        "python": packages.join("python").display().to_string(),
        "dir": dir.display().to_string(),
    })
}

/// Answers what is asked until the program ends; it must end well.
async fn run(cluster: Cluster, dir: &Path, told: &Value) -> Result<()> {
    let complaints = dir.join("node.log");
    let mut node = Command::new("node");
    node.arg("run.mjs").current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut node = node.stderr(fs::File::create(&complaints)?).spawn().context("starting node")?;
    let (mut answers, questions) = node.stdin.take().zip(node.stdout.take()).context("it is not piped")?;
    let mut questions = BufReader::new(questions).lines();
    answers.write_all(format!("{told}\n").as_bytes()).await?;
    let mut asked = Asked { cluster };
    while let Some(line) = questions.next_line().await? {
        let question: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        if let Some(said) = question["say"].as_str() {
            println!("{said}");
            continue;
        }
        let answer = match asked.answer(&question).await {
            Ok(answer) => json!({"id": question["id"], "answer": answer}),
            Err(error) => json!({"id": question["id"], "error": format!("{error:#}")}),
        };
        answers.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    let status = node.wait().await?;
    let complained = fs::read_to_string(&complaints)?;
    ensure!(status.success(), "node ended with {status}:\n{complained}");
    asked.cluster.terminate_all().await
}
