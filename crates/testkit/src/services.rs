//! A Kafka or a Redis of a test's own, for tests that stop it, start it late, or set it up wrongly. Everything else
//! uses the ones of the run, see [`crate::Rig`].

mod redis;

pub use self::redis::Snapshot;

use crate::ports::free_ports;
use anyhow::{Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A broker started by the project's scripts; it is stopped when dropped.
pub struct Service {
    kind: &'static str,
    dir: PathBuf,
    port: u16,
    env: Vec<(String, String)>,
}

impl Service {
    /// A Kafka that is not started yet, with its data in `dir`; it takes some seconds and 300 MB.
    ///
    /// # Errors
    /// No free ports.
    pub fn kafka(dir: &Path) -> Result<Self> {
        Ok(Self { kind: "kafka", dir: dir.join("own-kafka"), port: free_ports(2)?, env: Vec::new() })
    }

    /// A Redis that is not started yet.
    ///
    /// # Errors
    /// No free port.
    pub fn redis(dir: &Path) -> Result<Self> {
        Ok(Self { kind: "redis", dir: dir.join("own-redis"), port: free_ports(1)?, env: Vec::new() })
    }

    /// Makes a Redis start with this `maxmemory-policy` instead of noeviction.
    #[must_use]
    pub fn with_policy(mut self, policy: &str) -> Self {
        self.env.push(("REDIS_MAXMEMORY_POLICY".to_owned(), policy.to_owned()));
        self
    }

    /// Its address, `127.0.0.1:port`; known before it is started.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, or does nothing when it runs; blocks until it is ready.
    ///
    /// # Errors
    /// It did not start; the message is the script's.
    pub fn up(&self) -> Result<()> {
        self.script("up", &[&self.port.to_string()])
    }

    /// Stops it, or does nothing when it does not run. Kafka keeps its data, Redis only what was saved.
    ///
    /// # Errors
    /// The script failed.
    pub fn down(&self) -> Result<()> {
        self.script("down", &[])
    }

    fn script(&self, what: &str, args: &[&str]) -> Result<()> {
        let script = scripts().join(format!("{}-{what}.sh", self.kind));
        let output = Command::new(&script)
            .arg(&self.dir)
            .args(args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            script.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing sensible is left to do with an error here, and a test that failed already has a better one.
        let _stopped = self.down();
    }
}

fn scripts() -> PathBuf {
    env::var_os("AEROGRAM_TEST_SCRIPTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts"), PathBuf::from)
}
