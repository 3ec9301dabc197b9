//! All roles, each in a task of its own.

use std::future::Future;

use aerogram_settings::{Role, Settings};
use aerogram_telemetry::{Health, Shutdown};
use anyhow::{Context as _, anyhow};
use tokio::task::JoinSet;

type Tasks = JoinSet<(Role, anyhow::Result<()>)>;

/// The roles at work; they stop at once when dropped.
pub struct Roles {
    /// Apart from the process's own, so that a role that fails takes the others along and they still drain.
    stop: Shutdown,
    tasks: Tasks,
}

impl Roles {
    /// Starts them all; they leave at `shutdown`.
    pub fn start(settings: &Settings, health: &Health, shutdown: &Shutdown) -> Self {
        let stop = Shutdown::from(shutdown.token().child_token());
        let mut tasks = Tasks::new();
        let of = |role: Role| health.part(role.name());
        let token = || stop.token().clone();
        let copy = || settings.clone();
        start(&mut tasks, Role::Ingest, aerogram_ingest::run(copy(), of(Role::Ingest), token()));
        start(&mut tasks, Role::Fanout, aerogram_fanout::run(copy(), of(Role::Fanout), token()));
        start(&mut tasks, Role::Deliverer, aerogram_deliverer::run(copy(), of(Role::Deliverer), token()));
        start(&mut tasks, Role::Scheduler, aerogram_scheduler::run(copy(), of(Role::Scheduler), token()));
        start(&mut tasks, Role::Api, aerogram_api::run(copy(), of(Role::Api), stop.clone()));
        Self { stop, tasks }
    }

    /// Waits for all to leave. When one ends before it was asked to, the others are asked as well.
    ///
    /// # Errors
    /// What ended the first role that failed.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let result = match ended {
                Ok((role, Ok(()))) if !self.stop.is_triggered() => {
                    Err(anyhow!("the role {} ended without being asked to", role.name()))
                }
                Ok((role, result)) => result.with_context(|| format!("the role {}", role.name())),
                Err(error) => Err(anyhow!("a role's task failed: {error}")),
            };
            self.stop.trigger();
            match (result, &outcome) {
                (Err(error), Ok(())) => outcome = Err(error),
                (Err(error), Err(_)) => tracing::warn!("while stopping: {error:#}"),
                (Ok(()), _) => {}
            }
        }
        outcome
    }
}

fn start(tasks: &mut Tasks, role: Role, running: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
    let running = Box::pin(running);
    tasks.spawn(async move { (role, running.await) });
}
