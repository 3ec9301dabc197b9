//! The embedded broker: a program of its own beside us, started, watched, started again, stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aerogram_settings::EmbeddedSettings;
use aerogram_telemetry::Condition;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;

const PROGRAM: &str = "aerogram-embedded-kafka";
/// It first waits up to 10 s for a predecessor to leave the directory, then reads what it has.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const RESTART_AFTER: Duration = Duration::from_millis(500);
/// A broker that ends this often in a row without having run for long will not get better.
const RESTARTS_MAX: u32 = 5;
const RAN_LONG: Duration = Duration::from_secs(60);

/// The broker cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    #[error(
        "the embedded broker {PROGRAM} was not found (looked in: {looked_in}); build it with `make embedded-kafka` (needs \
         Go), name it with --broker PROGRAM, or use a Kafka that runs with --kafka HOST:PORT"
    )]
    NotFound { looked_in: String },
    #[error("the embedded broker {program} cannot be started: {reason}")]
    Start { program: String, reason: String },
    #[error("the embedded broker did not become ready: {reason}")]
    NotReady { reason: String },
    #[error("the embedded broker ended {RESTARTS_MAX} times in a row, at last with: {reason}")]
    EndsAgain { reason: String },
}

/// A running broker.
pub struct Broker {
    address: SocketAddr,
    stop: CancellationToken,
    failed: watch::Receiver<Option<BrokerError>>,
    watching: JoinHandle<()>,
}

impl Broker {
    /// Starts it on the data in `dir` and waits until it serves.
    pub async fn start(
        settings: &EmbeddedSettings,
        dir: &DataDir,
        condition: Condition,
    ) -> Result<Self, BrokerError> {
        condition.set(false, "starting");
        let launch = Launch { program: find(settings.broker.as_deref())?, data_dir: dir.join("kafka") };
        let running = launch.start(settings.port).await?;
        let address = running.address;
        condition.set(true, format!("serves at {address}"));
        let stop = CancellationToken::new();
        let (say_failed, failed) = watch::channel(None);
        let watching = tokio::spawn(watch_over(launch, running, condition, stop.clone(), say_failed));
        Ok(Self { address, stop, failed, watching })
    }

    /// Where it serves, before and after restarts.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it is given up.
    pub async fn failed(&self) -> BrokerError {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await.map(|error| error.clone()) {
            Ok(Some(error)) => error,
            // The watcher ends without a word only when it was asked to.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Ends it, with everything on disk.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.watching.await.is_err() {
            tracing::warn!("the embedded broker's watcher panicked; the broker ends with this process");
        }
    }
}

struct Launch {
    program: PathBuf,
    data_dir: PathBuf,
}

struct Running {
    child: Child,
    /// Apart from the child, because waiting for a child closes its standard input. Open as long as we live, however we
    /// end: its end of file tells the broker to leave.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Launch {
    async fn start(&self, port: u32) -> Result<Running, BrokerError> {
        let failed = |error: std::io::Error| BrokerError::Start {
            program: self.program.display().to_string(),
            reason: error.to_string(),
        };
        let mut child = Command::new(&self.program)
            .args(["--with-parent", "--port", &port.to_string(), "--data-dir"])
            .arg(&self.data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (last_words, heard) = watch::channel(String::new());
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(pass_on(stderr, last_words));
        }
        let Some(stdout) = child.stdout.take() else {
            return Err(BrokerError::NotReady { reason: "it has no output".to_owned() });
        };
        let mut lines = BufReader::new(stdout).lines();
        let address = match timeout(READY_WITHIN, lines.next_line()).await {
            Ok(Ok(Some(line))) => line.strip_prefix("ready ").and_then(|address| address.parse().ok()),
            Ok(_) => None,
            Err(_) => {
                let reason = format!("it said nothing for {} s", READY_WITHIN.as_secs());
                return Err(BrokerError::NotReady { reason });
            }
        };
        let Some(address) = address else {
            // It ended; its last words follow its output by a moment.
            let ended = child.wait().await.map_err(failed)?;
            let mut heard = heard;
            let _ = timeout(Duration::from_secs(1), heard.wait_for(|words| !words.is_empty())).await;
            let words = heard.borrow().clone();
            return Err(BrokerError::NotReady { reason: format!("{words} ({ended})") });
        };
        let stdin = child.stdin.take();
        Ok(Running { child, stdin, address, _stdout: lines })
    }
}

/// Restarts the broker when it ends by itself; ends it when asked to.
async fn watch_over(
    launch: Launch,
    mut running: Running,
    condition: Condition,
    stop: CancellationToken,
    say_failed: watch::Sender<Option<BrokerError>>,
) {
    let port = u32::from(running.address.port());
    let mut restarts = 0;
    loop {
        let began = tokio::time::Instant::now();
        let reason = tokio::select! {
            () = stop.cancelled() => return end(running).await,
            ended = running.child.wait() => match ended {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
        };
        restarts = if began.elapsed() > RAN_LONG { 1 } else { restarts + 1 };
        condition.set(false, format!("ended ({reason}); being started again"));
        tracing::error!("the embedded broker ended ({reason}) and is started again; the roles wait for it");
        running = loop {
            if restarts > RESTARTS_MAX {
                say_failed.send_replace(Some(BrokerError::EndsAgain { reason }));
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(RESTART_AFTER) => {}
            }
            match launch.start(port).await {
                Ok(running) => break running,
                Err(error) => {
                    restarts += 1;
                    tracing::error!("{error}");
                }
            }
        };
        condition.set(true, format!("serves at {} again", running.address));
    }
}

async fn end(mut running: Running) {
    drop(running.stdin.take());
    if timeout(STOP_WITHIN, running.child.wait()).await.is_err() {
        tracing::warn!("the embedded broker did not end within {} s and is killed", STOP_WITHIN.as_secs());
        // Dropping kills it; what it acknowledged is written.
    }
}

/// The broker's complaints become our log lines.
async fn pass_on(stderr: impl AsyncRead + Unpin, last_words: watch::Sender<String>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::warn!(target: "embedded_kafka", "{line}");
        last_words.send_replace(line);
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
