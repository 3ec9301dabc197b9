//! How a role is started.

use super::{Process, shown_tail};
use crate::http::HttpClient;
use crate::ports::free_port;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Pid;
use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::Command;

const ADMIN_LISTEN: &str = "AEROGRAM_TELEMETRY__ADMIN_LISTEN";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where the binaries lie: `AEROGRAM_BIN_DIR`, or the target directory this very program was built in.
///
/// # Errors
/// The system does not say where this program lies.
pub fn bin_dir() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("AEROGRAM_BIN_DIR") {
        return Ok(PathBuf::from(dir));
    }
    let program = env::current_exe()?;
    let dir = program.parent().context("the running program lies in no directory")?;
    // Tests lie in target/debug/deps, the benchmark in target/release itself.
    Ok(if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir }.to_path_buf())
}

/// What a binary that was run to its end left.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// A role to be started: binary, name, arguments, environment. Can be started again and again.
#[derive(Clone, Debug)]
pub struct Role {
    binary: PathBuf,
    name: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    dir: PathBuf,
    ready_within: Duration,
}

impl Role {
    /// A binary by name (`aerogram-ingest`) or path; logs go to `dir`.
    pub fn new(binary: &str, dir: &Path) -> Self {
        let name =
            Path::new(binary).file_name().map_or(binary.into(), |name| name.to_string_lossy()).into_owned();
        Self {
            binary: PathBuf::from(binary),
            name,
            args: Vec::new(),
            env: BTreeMap::new(),
            dir: dir.to_path_buf(),
            ready_within: READY_WITHIN,
        }
    }

    /// A name of its own, for a second instance of a role.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable. No other `AEROGRAM_*` variable reaches the process.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets several environment variables.
    #[must_use]
    pub fn envs<N: Into<String>, V: Into<String>>(mut self, vars: impl IntoIterator<Item = (N, V)>) -> Self {
        self.env.extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// How long [`Role::start`] waits for readiness; 60 s unless set.
    #[must_use]
    pub fn ready_within(mut self, timeout: Duration) -> Self {
        self.ready_within = timeout;
        self
    }

    /// Starts it and waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// It cannot be started, ended, or was not ready in time; the message has the end of its log.
    pub async fn start(&self) -> Result<Process> {
        let mut process = self.spawn()?;
        process.wait_ready(self.ready_within).await?;
        Ok(process)
    }

    /// Starts it without waiting, on a free admin port unless one is in its environment.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self) -> Result<Process> {
        let log = self.dir.join(format!("{}.log", self.name));
        let admin = match self.env.get(ADMIN_LISTEN) {
            Some(address) => address.clone(),
            None => format!("127.0.0.1:{}", free_port()?),
        };
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("opening {}", log.display()))?;
        let child = self
            .command()?
            .env(ADMIN_LISTEN, &admin)
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { bail!("{} ended at once{}", self.name, shown_tail(&log)) };
        let client = HttpClient::with_timeout(Duration::from_secs(5));
        Ok(Process { name: self.name.clone(), child, pid, admin, log, client })
    }

    /// Runs it to its end, as for `aerogram topics create`.
    ///
    /// # Errors
    /// It cannot be started or did not end within `timeout`. Any exit status is a result.
    pub async fn run(&self, timeout: Duration) -> Result<Finished> {
        let output = tokio::time::timeout(timeout, self.command()?.output())
            .await
            .with_context(|| format!("{} did not end within {timeout:?}", self.name))?
            .with_context(|| format!("starting {}", self.binary.display()))?;
        Ok(Finished {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn command(&self) -> Result<Command> {
        let binary = if self.binary.components().count() > 1 {
            self.binary.clone()
        } else {
            bin_dir()?.join(&self.binary)
        };
        ensure!(
            binary.is_file(),
            "{} does not exist: build it with `cargo build --workspace --bins`",
            binary.display()
        );
        let mut command = Command::new(binary);
        // What is set for the tests must not reach the role as a setting of its own.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AEROGRAM_")) {
            command.env_remove(name);
        }
        command.args(&self.args).envs(&self.env).stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }
}
