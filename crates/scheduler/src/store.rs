//! Opens the configured store, and waits until it can be relied on.

use aerogram_settings::{Settings, Store as StoreKind};
use aerogram_state::{AnyStore, StoreUnfit};
use aerogram_telemetry::Health;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const RETRY: Duration = Duration::from_secs(1);

/// An unreachable Redis is waited for; one that may evict what waits is refused.
pub async fn open(
    settings: &Settings,
    health: &Health,
    shutdown: &CancellationToken,
) -> anyhow::Result<AnyStore> {
    let condition = health.condition("store usable");
    let store = match settings.scheduler.store {
        StoreKind::Memory => AnyStore::memory(),
        StoreKind::Redis => AnyStore::redis(settings)?,
    };
    loop {
        match store.check().await {
            Ok(()) => break,
            Err(unfit @ StoreUnfit::Evicts { .. }) => return Err(unfit.into()),
            Err(unreachable) => {
                tracing::warn!(%unreachable, "waiting for the store");
                condition.set(false, unreachable.to_string());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => anyhow::bail!("stopped while waiting for the store"),
        }
    }
    condition.set(true, "usable");
    Ok(store)
}
