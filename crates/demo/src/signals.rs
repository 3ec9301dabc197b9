//! Ctrl-C and its kin: the first asks for an end with a verdict, the second for an end at once.

use anyhow::Result;
use rustix::process::{Pid, getppid};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

const LOOK_FOR_PARENT_EVERY: Duration = Duration::from_millis(500);

/// How often an end was asked for.
#[derive(Clone)]
pub struct Signals {
    asked: watch::Receiver<u32>,
}

impl Signals {
    /// Listens from now on; `parent` is the process whose end counts as well.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen(parent: Option<i32>) -> Result<Self> {
        let (say, asked) = watch::channel(0);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            tokio::spawn(count(signal(kind)?, say.clone()));
        }
        if let Some(parent) = parent {
            tokio::spawn(watch_parent(parent, say));
        }
        Ok(Self { asked })
    }

    /// Waits until an end was asked for this often.
    pub async fn asked(&self, times: u32) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|seen| *seen >= times).await.is_err() {
            // The listeners live as long as the runtime does.
            std::future::pending::<()>().await;
        }
    }
}

async fn count(mut signal: Signal, say: watch::Sender<u32>) {
    while signal.recv().await.is_some() {
        say.send_modify(|asked| *asked += 1);
    }
}

/// A parent that was killed cannot pass anything on, and nobody would end us.
async fn watch_parent(parent: i32, say: watch::Sender<u32>) {
    while getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| pid.get() == parent) {
        tokio::time::sleep(LOOK_FOR_PARENT_EVERY).await;
    }
    say.send_modify(|asked| *asked += 1);
}
