//! The embedded broker: a program of its own beside us, started, watched, started again, stopped.

mod process;

use std::net::SocketAddr;
use std::time::Duration;

use aerogram_settings::EmbeddedSettings;
use aerogram_telemetry::Condition;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
use process::{Launch, Running};

const RESTART_AFTER: Duration = Duration::from_millis(500);
/// A broker that ends this often in a row without having run for long will not get better.
const RESTARTS_MAX: u32 = 5;
const RAN_LONG: Duration = Duration::from_secs(60);

/// The broker cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    #[error(
        "the embedded broker {} was not found (looked in: {looked_in}); build it with `make embedded-kafka` (needs Go), \
         name it with --broker PROGRAM, or use a Kafka that runs with --kafka HOST:PORT",
        process::PROGRAM
    )]
    NotFound { looked_in: String },
    #[error("the embedded broker {program} cannot be started: {reason}")]
    Start { program: String, reason: String },
    #[error(
        "the embedded broker did not become ready: {reason} (here: --set embedded.port=…, --data-dir DIR)"
    )]
    NotReady { reason: String },
    #[error("the embedded broker ended {times} times in a row, at last with: {reason}")]
    EndsAgain { times: u32, reason: String },
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
        let launch = Launch::new(settings, dir)?;
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

/// Restarts the broker when it ends by itself; ends it when asked to.
async fn watch_over(
    launch: Launch,
    mut running: Running,
    condition: Condition,
    stop: CancellationToken,
    say_failed: watch::Sender<Option<BrokerError>>,
) {
    // Its clients know it under this port.
    let port = u32::from(running.address.port());
    let mut times = 0;
    loop {
        let began = Instant::now();
        let mut reason = tokio::select! {
            () = stop.cancelled() => return running.end().await,
            reason = running.ended() => reason,
        };
        times = if began.elapsed() > RAN_LONG { 1 } else { times + 1 };
        condition.set(false, format!("ended ({reason}); being started again"));
        tracing::error!("the embedded broker ended ({reason}) and is started again; the roles wait for it");
        running = loop {
            if times > RESTARTS_MAX {
                say_failed.send_replace(Some(BrokerError::EndsAgain { times, reason }));
                return;
            }
            let started = tokio::select! {
                () = stop.cancelled() => return,
                started = start_again(&launch, port) => started,
            };
            match started {
                Ok(running) => break running,
                Err(error) => {
                    times += 1;
                    tracing::error!("{error}");
                    reason = error.to_string();
                }
            }
        };
        condition.set(true, format!("serves at {} again", running.address));
    }
}

async fn start_again(launch: &Launch, port: u32) -> Result<Running, BrokerError> {
    sleep(RESTART_AFTER).await;
    launch.start(port).await
}
