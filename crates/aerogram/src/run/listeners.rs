//! Whether the addresses to listen at are free, asked before anything is started and said to be there.

use std::net::TcpListener;

use aerogram_settings::Settings;

/// # Errors
/// All addresses that cannot be listened at.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    let wanted = [("api.listen", &settings.api.listen), ("ingest.listen", &settings.ingest.listen)];
    let problems: Vec<String> = wanted
        .into_iter()
        // Given back at once: the roles listen themselves, a moment later.
        .filter_map(|(key, address)| Some((key, address, TcpListener::bind(address).err()?)))
        .map(|(key, address, error)| {
            format!("cannot listen at {address}: {error}; stop what listens there, or set another with --set {key}=…")
        })
        .collect();
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}
