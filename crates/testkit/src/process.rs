//! Role binaries as child processes: start, wait until ready, stop gently or not at all gently.

mod launch;
#[cfg(test)]
mod tests;

pub use launch::{Finished, Role, bin_dir};

use crate::http::HttpClient;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio::process::Child;

const LOOK_EVERY: Duration = Duration::from_millis(25);
const TAIL_LINES: usize = 40;

/// A running role; it is killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    pid: Pid,
    admin: String,
    log: PathBuf,
    client: HttpClient,
}

impl Process {
    /// The name it was started under; its log is `{name}.log`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL of its admin listener: `/livez`, `/readyz`, `/metrics`.
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// It ended, or was not ready within `timeout`; the message has the last answer and the end of the log.
    pub async fn wait_ready(&mut self, timeout: Duration) -> Result<()> {
        let until = Instant::now() + timeout;
        loop {
            let answer = self.client.get(&self.admin_url("/readyz"), &[]).await;
            if matches!(&answer, Ok(answer) if answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.exited()? {
                bail!("{} ended with {status} instead of becoming ready{}", self.name, self.shown_log());
            }
            if Instant::now() >= until {
                let last = match answer {
                    Ok(answer) => format!("{} {}", answer.status, answer.text()),
                    Err(error) => format!("{error:#}"),
                };
                bail!("{} was not ready within {timeout:?}; /readyz: {last}{}", self.name, self.shown_log());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The status and text of `/readyz`.
    ///
    /// # Errors
    /// No answer.
    pub async fn readyz(&self) -> Result<(u16, String)> {
        let answer = self.client.get(&self.admin_url("/readyz"), &[]).await?;
        Ok((answer.status, answer.text()))
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// No answer.
    pub async fn metrics(&self) -> Result<String> {
        Ok(self.client.get(&self.admin_url("/metrics"), &[]).await?.text())
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The system does not know the process.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It did not within `timeout`; the message has the end of the log.
    pub async fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(timeout, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not end within {timeout:?}{}", self.name, self.shown_log()),
        }
    }

    /// SIGTERM, then waits for the end.
    ///
    /// # Errors
    /// It did not end within `timeout`; it is killed then.
    pub async fn terminate(mut self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_exit(timeout).await
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub async fn kill9(mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("killing {}", self.name))
    }

    /// SIGSTOP: it stands still, its connections stay open.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Everything it and earlier processes of this name wrote, output and errors in one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("reading {}", self.log.display()))
    }

    /// Waits until the log contains `text`.
    ///
    /// # Errors
    /// It did not within `timeout`; the message has the end of the log.
    pub async fn wait_for_log(&self, text: &str, timeout: Duration) -> Result<()> {
        let until = Instant::now() + timeout;
        while !self.log()?.contains(text) {
            if Instant::now() >= until {
                bail!("{} did not write {text:?} within {timeout:?}{}", self.name, self.shown_log());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// CPU time it has used so far, in seconds, of all its threads, in user and in kernel mode.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.pid());
        let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        // The second field, the name, may hold spaces; what follows its bracket does not. utime and stime are 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
        let used = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        Ok(used.with_context(|| format!("no CPU times in {path}: {stat}"))? / per_second)
    }

    /// The largest resident memory it has had so far, in bytes.
    ///
    /// # Errors
    /// It has ended.
    pub fn peak_memory_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line
            .and_then(|line| line.trim().strip_suffix("kB"))
            .and_then(|kib| kib.trim().parse::<u64>().ok());
        Ok(kib.with_context(|| format!("no VmHWM in {path}"))? * 1024)
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        // A process that ended and was waited for has given its id back; it could be a stranger's by now.
        if let Some(status) = self.exited()? {
            bail!("{} has ended already with {status}{}", self.name, self.shown_log());
        }
        kill_process(self.pid, signal).with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    fn shown_log(&self) -> String {
        shown_tail(&self.log)
    }
}

fn shown_tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_else(|error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    format!("\n--- end of {}\n{tail}\n---", log.display())
}
