//! The credentials file at start.

use std::sync::Arc;

use aerogram_credentials::InForce;
use aerogram_domain::catalogue::Catalogue;
use aerogram_settings::CredentialsSettings;
use aerogram_telemetry::Health;
use anyhow::ensure;

/// Reads and checks the credentials file, and watches it from now on; the event types in it are those of `catalogue`.
///
/// # Errors
/// When none is configured, it can't be read, or something in it is wrong: all mistakes at once.
pub async fn open(
    settings: &CredentialsSettings,
    catalogue: &Arc<Catalogue>,
    health: &Health,
) -> anyhow::Result<InForce> {
    ensure!(settings.file.is_some(), "credentials.file is not set; name the file that says who may call");
    Ok(InForce::open(settings, catalogue, health).await?)
}
