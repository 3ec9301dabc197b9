//! The demo as `make run` starts it, all in one process with the embedded broker, for tests that publish to it.

use crate::cluster::PATIENCE;
use crate::docs_page::root;
use crate::docs_run::run;
use aerogram_testkit::process::bin_dir;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The embedded broker may have to be compiled first.
const RUNS_WITHIN: Duration = Duration::from_secs(300);

/// A demo that runs until it is told to end. When it is dropped its script is killed, and it ends by itself.
pub struct Demo {
    child: Child,
    dir: PathBuf,
}

impl Demo {
    /// Starts it on free ports, with everything it writes in a directory of its own in `dir`.
    pub fn start(dir: &Path) -> Result<Self> {
        let dir = dir.join("demo");
        fs::create_dir_all(&dir)?;
        let output = File::create(dir.join("demo.log"))?;
        let child = Command::new(root().join("scripts/demo.sh"))
            .envs([("STACK", "embedded"), ("DEMO_PORTS", "free"), ("DEMO_SECONDS", "0")])
            .env("DEMO_DIR", &dir)
            .env("DEMO_REPORT", dir.join("for-the-test.json"))
            .env("AEROGRAM_BIN_DIR", bin_dir()?)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .context("starting scripts/demo.sh")?;
        Ok(Self { child, dir })
    }

    /// Waits until it delivers; returns its report: where it listens, and who may call.
    pub async fn running(&mut self) -> Result<Value> {
        let until = Instant::now() + RUNS_WITHIN;
        while !self.report_file().exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the demo ended with {status}:\n{}", self.said());
            }
            ensure!(Instant::now() < until, "the demo does not run after {RUNS_WITHIN:?}:\n{}", self.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.report()
    }

    /// Waits until its receiver has had these events, of this type, verified, and answered with success.
    pub async fn received(&self, kind: &str, ids: &BTreeSet<String>) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(self.dir.join("deliveries.jsonl"))?;
            // The last line may be half written.
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let good = lines.filter(|line| {
                let answered = line["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
                line["type"] == kind && line["verified"] == true && answered
            });
            let came: BTreeSet<String> =
                good.filter_map(|line| line["eventId"].as_str().map(ToOwned::to_owned)).collect();
            let missing: Vec<&String> = ids.difference(&came).collect();
            if missing.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the demo's receiver has not had {missing:?}:\n{}", self.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Tells it to end, as Ctrl-C does; returns its report with the figures. It must find that all is well.
    pub async fn end(mut self) -> Result<Value> {
        let pid = self.child.id().context("the demo has ended")?;
        run(Command::new("kill").args(["-TERM", &pid.to_string()])).await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.with_context(|| format!("the demo did not end:\n{}", self.said()))??;
        ensure!(status.success(), "the demo ended with {status}:\n{}", self.said());
        self.report()
    }

    fn report_file(&self) -> PathBuf {
        self.dir.join("for-the-test.json")
    }

    fn report(&self) -> Result<Value> {
        Ok(serde_json::from_str(&fs::read_to_string(self.report_file())?)?)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.join("demo.log")).unwrap_or_default()
    }
}
