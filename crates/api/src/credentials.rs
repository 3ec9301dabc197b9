//! The credentials file at start.

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::Credentials;
use aerogram_settings::CredentialsSettings;
use anyhow::{Context as _, bail};

/// Reads and checks the credentials file; the event types in it are those of `catalogue`.
///
/// # Errors
/// When none is configured, it can't be read, or something in it is wrong: all mistakes at once.
pub async fn load(settings: &CredentialsSettings, catalogue: &Catalogue) -> anyhow::Result<Credentials> {
    let Some(path) = &settings.file else {
        bail!("credentials.file is not set; name the file that says who may call");
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .with_context(|| format!("the credentials file {} cannot be read", path.display()))?;
    match Credentials::parse(&text, catalogue) {
        Ok(credentials) => Ok(credentials),
        Err(problems) => {
            let lines: String = problems.iter().map(|problem| format!("\n  {problem}")).collect();
            bail!("the credentials file {} cannot be used:{lines}", path.display())
        }
    }
}
