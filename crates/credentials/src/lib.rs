//! The credentials file of a process: read at the start, and again whenever it changes, without a restart. What it means is
//! `aerogram_domain::credentials`; here is only where it comes from.
//!
//! The file is read anew and compared as a whole: a mounted secret is swapped by a symbolic link, an editor writes in place or
//! renames, and none of it is missed, whatever its times say.
//!
//! And what those who let in by them share: [`headers`], where a request comes from ([`peer_of`]), and [`Logins`].

pub mod headers;
mod logins;
mod peer;
mod read;
#[cfg(test)]
mod tests;
mod watch;

pub use logins::{Login, Logins};
pub use peer::peer_of;
pub use read::{ReadError, read};

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::Credentials;
use aerogram_settings::CredentialsSettings;
use aerogram_telemetry::Health;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_util::task::AbortOnDropHandle;

/// Who may call at this moment; cheap to clone. The file is watched until the last clone is gone.
#[derive(Clone)]
pub struct InForce {
    shared: Arc<Shared>,
    _watching: Option<Arc<AbortOnDropHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    credentials: RwLock<Arc<Credentials>>,
}

impl InForce {
    /// Reads the file and watches it from now on; without one nobody may call, and nothing is watched. `health` gets a notice
    /// that does not hold while the file cannot be used.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is wrong: all mistakes at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(
        settings: &CredentialsSettings,
        catalogue: &Arc<Catalogue>,
        health: &Health,
    ) -> Result<Self, ReadError> {
        let Some(path) = settings.file.clone() else { return Ok(Self::fixed(Credentials::default())) };
        let catalogue = Arc::clone(catalogue);
        let (watcher, shared) = watch::Watcher::start(settings, path, catalogue, health).await?;
        let watching = tokio::spawn(async move { match watcher.run().await {} });
        Ok(Self { shared, _watching: Some(Arc::new(AbortOnDropHandle::new(watching))) })
    }

    /// These, for good.
    pub fn fixed(credentials: Credentials) -> Self {
        let shared = Arc::new(Shared::default());
        shared.set(Arc::new(credentials));
        Self { shared, _watching: None }
    }

    /// Those of this moment; a request asks once.
    pub fn now(&self) -> Arc<Credentials> {
        self.shared.get()
    }
}

impl Shared {
    fn get(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is guarded is replaced as a whole, so a panic elsewhere leaves nothing half done.
    fn set(&self, credentials: Arc<Credentials>) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = credentials;
    }
}
