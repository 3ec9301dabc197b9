//! `scripts/demo.sh`, which `make run` runs: it ends by itself and well on each of its grounds, it can fail, and it
//! leaves nothing behind.

use crate::cluster::PATIENCE;
use crate::docs_run::run;
use crate::setup::Setup;
use aerogram_testkit::process::bin_dir;
use aerogram_testkit::{Process, Role};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

/// Long enough for the failing endpoint to recover several times, short enough for a test.
const SECONDS: &str = "6";
/// Kafka nodes start and stop, the embedded broker may be built first.
const ENDS_WITHIN: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A demo that runs, with the directory of its run.
struct Demo {
    process: Process,
    dir: PathBuf,
}

impl Demo {
    fn start(setup: &Setup, name: &str, seconds: &str, more: &[(&str, &str)]) -> Result<Self> {
        let dir = setup.rig.dir().join(name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/demo.sh").canonicalize()?;
        let role = Role::new(&script.display().to_string(), setup.rig.dir())
            .named(&format!("{name}-output"))
            .env("AEROGRAM_BIN_DIR", bin_dir()?.display().to_string())
            .env("DEMO_DIR", dir.display().to_string())
            .env("DEMO_PORTS", "free")
            .env("STACK", "embedded")
            .env("DEMO_SECONDS", seconds)
            .envs(more.iter().copied());
        Ok(Self { process: role.spawn()?, dir })
    }

    /// Waits for its end; true when it ended well. Nothing that it started may be there any more.
    async fn end(mut self) -> Result<(bool, String)> {
        let status = match self.process.wait_exit(ENDS_WITHIN).await {
            Ok(status) => status,
            Err(error) => {
                // Killed when dropped, it could not stop its Kafka any more.
                self.process.terminate(ENDS_WITHIN).await?;
                return Err(error);
            }
        };
        let left = processes_of(&self.dir)?;
        ensure!(left.is_empty(), "the demo left processes behind: {left:#?}");
        Ok((status.success(), self.process.log()?))
    }

    /// What it says about itself once it runs.
    async fn report(&mut self) -> Result<Value> {
        let (file, until) = (self.dir.join("report.json"), Instant::now() + ENDS_WITHIN);
        while !file.exists() {
            let ended = self.process.exited()?;
            ensure!(ended.is_none(), "the demo ended early:\n{}", self.process.log()?);
            ensure!(Instant::now() < until, "the demo does not begin:\n{}", self.process.log()?);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
    }

    /// Waits for a delivery in the log of its receiver.
    async fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !deliveries(&self.dir)?.iter().any(&is_it) {
            ensure!(Instant::now() < until, "{what} did not arrive:\n{}", self.process.log()?);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Command lines of processes that name the directory.
fn processes_of(dir: &Path) -> Result<Vec<String>> {
    let named = dir.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // Processes come and go while we look.
        let Ok(line) = fs::read(entry?.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&named) {
            found.push(line);
        }
    }
    Ok(found)
}

/// The whole lines of the receiver's log.
fn deliveries(dir: &Path) -> Result<Vec<Value>> {
    let text = match fs::read_to_string(dir.join("deliveries.jsonl")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The last line, the report and the receiver's log say the same, and it is good.
fn check(dir: &Path, output: &str) -> Result<Value> {
    let report: Value = serde_json::from_str(&fs::read_to_string(dir.join("report.json"))?)?;
    let number = |name: &str| report[name].as_u64().with_context(|| format!("no {name} in {report:#}"));
    let (events, due, retries) = (number("events")?, number("deliveries")?, number("retries")?);
    let last = output.lines().last().unwrap_or_default();
    assert_eq!(last, format!("{events} events, {due} deliveries, {retries} retries, 0 missing"), "{output}");
    assert!(events > 0 && due > 0 && retries > 1, "{last}");
    assert!(!output.contains('\u{1b}'), "colour though nobody sees it:\n{output}");

    let all = deliveries(dir)?;
    let wrong: Vec<_> = all.iter().filter(|delivery| delivery["verified"] != true).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let of = |meaning: &str| all.iter().filter(|delivery| delivery["meaning"] == meaning).count() as u64;
    assert_eq!((of("delivered"), of("unexpected")), (due, 0));
    let failed: BTreeSet<u64> =
        all.iter().filter_map(|d| d["status"].as_u64()).filter(|s| *s >= 300).collect();
    assert_eq!(failed, BTreeSet::from([500, 503]), "the failing endpoint answers both");
    Ok(report)
}

async fn runs_well(setup: &Setup, more: &[(&str, &str)]) -> Result<Value> {
    let demo = Demo::start(setup, "run", SECONDS, more)?;
    let dir = demo.dir.clone();
    let (good, output) = demo.end().await?;
    assert!(good, "{output}");
    check(&dir, &output)
}

/// A directory with all programs of PATH but Go.
fn programs_without_go(dir: &Path) -> Result<PathBuf> {
    let programs = dir.join("programs");
    fs::create_dir(&programs)?;
    for dir in env::split_paths(&env::var_os("PATH").context("no PATH")?) {
        // PATH may name what does not exist; of several programs of one name the first counts.
        for program in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = program.file_name();
            let link = programs.join(&name);
            if name != "go" && fs::symlink_metadata(&link).is_err() {
                symlink(program.path(), link)?;
            }
        }
    }
    Ok(programs)
}

#[tokio::test]
async fn runs_on_the_embedded_broker() -> Result<()> {
    let report = runs_well(&Setup::new("demo-embedded").await?, &[]).await?;
    assert_eq!((&report["stack"], &report["embeddedBroker"]), (&json!("embedded"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn runs_on_a_kafka_node_where_there_is_no_go() -> Result<()> {
    let setup = Setup::new("demo-no-go").await?;
    let path = programs_without_go(setup.rig.dir())?.display().to_string();
    let report = runs_well(&setup, &[("PATH", &path)]).await?;
    assert_eq!((&report["stack"], &report["embeddedBroker"]), (&json!("embedded"), &json!(false)));
    Ok(())
}

#[tokio::test]
async fn runs_with_separate_binaries() -> Result<()> {
    let report = runs_well(&Setup::new("demo-real").await?, &[("STACK", "real")]).await?;
    assert_eq!(report["stack"], "real");
    assert_eq!(report["processes"].as_object().map(serde_json::Map::len), Some(5));
    Ok(())
}

#[tokio::test]
async fn shows_what_others_do_and_ends_when_asked() -> Result<()> {
    let setup = Setup::new("demo-asked").await?;
    let mut demo = Demo::start(&setup, "run", "0", &[])?;
    let dir = demo.dir.clone();
    let report = demo.report().await?;
    let own_path = report["ownPath"].as_str().with_context(|| format!("no ownPath in {report:#}"))?;
    // Somebody who copies all that is there to try.
    let tried = run(&mut tokio::process::Command::new(dir.join("try.sh"))).await?;
    let answers: Vec<Value> =
        serde_json::Deserializer::from_str(&tried).into_iter().collect::<Result<_, _>>().context(tried)?;
    let [listed, subscribed, published] = &answers[..] else { anyhow::bail!("{answers:#?}") };
    assert!(listed.as_array().is_some_and(|all| !all.is_empty()), "{listed:#}");
    let kind = subscribed["event"].as_str().with_context(|| format!("no event in {subscribed:#}"))?;
    let id = published["ids"][0].as_str().with_context(|| format!("no id in {published:#}"))?;
    let own = |d: &Value| d["meaning"] == "own" && d["verified"] == true && d["status"] == 200;
    demo.wait_for("an own event", |d| d["eventId"] == id && own(d)).await?;
    let subscribed = |d: &Value| d["path"] == own_path && d["type"] == kind && own(d);
    demo.wait_for("an event for an own subscription", subscribed).await?;
    demo.wait_for("a second attempt", |d| d["attempt"] == 2).await?;

    let status = demo.process.terminate(PATIENCE).await?;
    let output = fs::read_to_string(setup.rig.dir().join("run-output.log"))?;
    assert!(status.success(), "{output}");
    let owned = deliveries(&dir)?.iter().filter(|delivery| delivery["meaning"] == "own").count();
    assert!(owned > 1 && output.contains(&format!(", {owned} of your own\n")), "{output}");
    let left = processes_of(&dir)?;
    assert!(left.is_empty(), "{left:#?}");
    check(&dir, &output)?;
    Ok(())
}

#[tokio::test]
async fn fails_when_aerogram_does() -> Result<()> {
    let setup = Setup::new("demo-fails").await?;
    let mut demo = Demo::start(&setup, "run", "60", &[])?;
    let report = demo.report().await?;
    let id = report["processes"]["aerogram"].as_i64().context("no process id")?;
    let killed = std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status()?;
    ensure!(killed.success(), "aerogram is not there to be killed");
    let (good, output) = demo.end().await?;
    assert!(!good && output.contains("aerogram ended with signal: 9"), "{output}");
    Ok(())
}
