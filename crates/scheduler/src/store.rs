//! Opens the configured store, and waits until it can be relied on.

use aerogram_settings::{Settings, Store as StoreKind};
use aerogram_state::{AnyStore, StoreUnfit};
use aerogram_telemetry::{Condition, Health};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The condition's name.
pub const USABLE: &str = "store usable";
const RETRY: Duration = Duration::from_secs(1);
/// A running Redis can be told to evict at any time.
const CHECK_AGAIN: Duration = Duration::from_secs(5);

/// An unreachable Redis is waited for; one that may evict what waits is refused.
pub async fn open(
    settings: &Settings,
    health: &Health,
    shutdown: &CancellationToken,
) -> anyhow::Result<AnyStore> {
    let condition = health.condition(USABLE);
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

/// Looks for ever whether the store may have begun to delete what it holds, and sets `unfit` while it may. What it has
/// deleted by then is found by the counts that every operation compares.
pub async fn watch(store: &AnyStore, condition: &Condition, unfit: &AtomicBool) -> Infallible {
    loop {
        tokio::time::sleep(CHECK_AGAIN).await;
        match store.check().await {
            Ok(()) => {
                if unfit.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store keeps everything again; what is due is fired");
                }
                condition.set(true, "usable");
            }
            // Operations find out by themselves, and wait.
            Err(StoreUnfit::Unreachable { .. }) => {}
            Err(unfit_now) => {
                if !unfit.swap(true, Ordering::Relaxed) {
                    tracing::error!("nothing is fired until this is mended: {unfit_now}");
                }
                condition.set(false, unfit_now.to_string());
            }
        }
    }
}
