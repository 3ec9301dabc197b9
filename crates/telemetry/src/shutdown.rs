//! Stopping: SIGTERM and SIGINT cancel a token, a second one ends the process at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// Signals cannot be listened for.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for SIGTERM and SIGINT: {0}")]
pub struct ShutdownError(#[from] io::Error);

/// The process is to stop; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl From<CancellationToken> for Shutdown {
    /// One that this token triggers.
    fn from(token: CancellationToken) -> Self {
        Self { token }
    }
}

impl Shutdown {
    /// One that no signal triggers, for tests and for runs inside another.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens for signals: the first makes the process unready and cancels the token, the second exits with status
    /// 130. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When signals cannot be listened for.
    pub fn on_signals(health: Health) -> Result<Self, ShutdownError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::new();
        let token = shutdown.token.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping; a second signal ends the process at once");
            health.draining();
            token.cancel();
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("stopped by a second signal; what was in flight is repeated by the next owner");
            std::process::exit(130);
        });
        Ok(shutdown)
    }

    /// Asks for the stop.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the stop is asked for.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// The token itself.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}
