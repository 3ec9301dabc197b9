//! The broker's process: found, launched, heard, ended.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aerogram_settings::EmbeddedSettings;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::BrokerError;
use crate::run::data_dir::DataDir;

pub const PROGRAM: &str = "aerogram-embedded-kafka";
/// It first waits up to 10 s for a predecessor to leave the directory, then reads what it has.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// What it says at its end is read within this.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// How the broker is started.
pub struct Launch {
    program: PathBuf,
    data_dir: PathBuf,
    sync: bool,
}

/// A broker that serves.
pub struct Running {
    pub address: SocketAddr,
    child: Child,
    /// Apart from the child, because waiting for a child closes its standard input. Open as long as we live, however we
    /// end: its end of file tells the broker to leave.
    stdin: Option<ChildStdin>,
    last_words: watch::Receiver<String>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Launch {
    pub fn new(settings: &EmbeddedSettings, dir: &DataDir) -> Result<Self, BrokerError> {
        let program = find(settings.broker.as_deref())?;
        Ok(Self { program, data_dir: dir.join("kafka"), sync: settings.sync })
    }

    /// Starts it at this port and waits until it serves. Cancelled, it leaves no process behind.
    pub async fn start(&self, port: u32) -> Result<Running, BrokerError> {
        let mut command = Command::new(&self.program);
        command.args(["--with-parent", "--port", &port.to_string(), "--data-dir"]).arg(&self.data_dir);
        if self.sync {
            command.arg("--sync");
        }
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| BrokerError::Start {
            program: self.program.display().to_string(),
            reason: error.to_string(),
        })?;
        let (say, last_words) = watch::channel(String::new());
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(pass_on(stderr, say));
        }
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take() else {
            return Err(BrokerError::NotReady { reason: "it has no output".to_owned() });
        };
        let mut lines = BufReader::new(stdout).lines();
        let said = timeout(READY_WITHIN, lines.next_line()).await;
        let not_ready = |reason| Err(BrokerError::NotReady { reason });
        match said {
            Ok(Ok(Some(line))) => match line.strip_prefix("ready ").map(str::parse) {
                Some(Ok(address)) => Ok(Running { address, child, stdin, last_words, _stdout: lines }),
                _ => not_ready(format!("instead of where it is ready it says {line:?}; is it {PROGRAM}?")),
            },
            Ok(_) => not_ready(last_words_of(last_words).await.unwrap_or_else(|| "it ended".to_owned())),
            Err(_) => not_ready(format!("it said nothing for {} s", READY_WITHIN.as_secs())),
        }
    }
}

impl Running {
    /// Waits until it ends by itself; says why, as far as it told.
    pub async fn ended(&mut self) -> String {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        match last_words_of(self.last_words.clone()).await {
            Some(words) => format!("{words}; {status}"),
            None => status,
        }
    }

    /// Asks it to end, and kills it if it does not; what it acknowledged is written either way.
    pub async fn end(mut self) {
        drop(self.stdin.take());
        if timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            tracing::warn!(
                "the embedded broker did not end within {} s and is killed",
                STOP_WITHIN.as_secs()
            );
        }
    }
}

/// The last thing it said on standard error. Its pipe may be read a moment after its end is known.
async fn last_words_of(mut said: watch::Receiver<String>) -> Option<String> {
    // It is closed when everything was read.
    let _ = timeout(LAST_WORDS_WITHIN, async { while said.changed().await.is_ok() {} }).await;
    let words = said.borrow().clone();
    (!words.is_empty()).then_some(words)
}

/// The broker's complaints become our log lines.
async fn pass_on(stderr: impl AsyncRead + Unpin, last_words: watch::Sender<String>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let text = match (line.strip_prefix("WARN "), line.strip_prefix("ERROR ")) {
            (Some(text), _) => {
                tracing::warn!(target: "embedded_kafka", "{text}");
                text
            }
            // Whoever waits for the broker says it again, with what follows from it.
            (None, Some(text)) => {
                tracing::info!(target: "embedded_kafka", "{text}");
                text
            }
            (None, None) => {
                tracing::warn!(target: "embedded_kafka", "{line}");
                &line
            }
        };
        last_words.send_replace(text.to_owned());
    }
}

/// The program: as named, beside this one, where `make` puts it, or in PATH.
fn find(named: Option<&Path>) -> Result<PathBuf, BrokerError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let own = std::env::current_exe().ok();
    let beside = own
        .as_deref()
        .and_then(Path::parent)
        .map(|dir| [dir.join(PROGRAM), dir.join("..").join("embedded-kafka").join(PROGRAM)]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|dir| dir.join(PROGRAM));
    let places: Vec<PathBuf> = beside.into_iter().flatten().collect();
    let looked_in = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
    places
        .into_iter()
        .chain(in_path)
        .find(|place| place.is_file())
        .ok_or(BrokerError::NotFound { looked_in: format!("{looked_in}, PATH") })
}
