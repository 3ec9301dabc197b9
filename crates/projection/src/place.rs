//! Where the file lies, and that no other process uses it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::ProjectionError;

/// Of temporary directories, and the file in them.
const PREFIX: &str = "aerogram-projection-";
const NAME: &str = "projection.sqlite";
/// What is in them is nobody else's business.
pub const MODE: u32 = 0o600;
/// One that was just made may not be locked yet.
const JUST_MADE: Duration = Duration::from_secs(60);

/// A file that this process alone uses, as long as it holds this.
pub struct Place {
    pub path: PathBuf,
    /// The system gives the lock back however the process ends.
    _lock: File,
    /// Removed with everything in it.
    _temporary: Option<TempDir>,
}

impl Place {
    /// Takes the file, which need not exist yet; or a temporary one.
    pub fn take(path: Option<PathBuf>) -> Result<Self, ProjectionError> {
        let (path, temporary) = match path {
            Some(path) => (path, None),
            None => {
                let parent = std::env::temp_dir();
                sweep(&parent);
                let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent);
                let what = "making a directory in";
                let dir = made.map_err(|error| ProjectionError::Io { what, path: parent, error })?;
                (dir.path().join(NAME), Some(dir))
            }
        };
        let lock = beside(&path, ".lock");
        let failed = |what| {
            let path = lock.clone();
            move |error| ProjectionError::Io { what, path, error }
        };
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(failed("making the directory of"))?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&lock);
        let file = file.map_err(failed("opening"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, _lock: file, _temporary: temporary }),
            Err(TryLockError::WouldBlock) => Err(ProjectionError::InUse { path }),
            Err(TryLockError::Error(error)) => Err(failed("locking")(error)),
        }
    }
}

/// Removes what processes that were killed left there. What can't be removed stays: somebody else's, most likely.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && is_left(&path) && fs::remove_dir_all(&path).is_ok() {
            tracing::info!(path = %path.display(), "a temporary projection of a process that was killed is removed");
        }
    }
}

/// Nobody holds its lock, and it was not just made.
fn is_left(dir: &Path) -> bool {
    let made = fs::symlink_metadata(dir).and_then(|metadata| metadata.modified());
    let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > JUST_MADE));
    let lock = OpenOptions::new().write(true).open(beside(&dir.join(NAME), ".lock"));
    is_old && lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

/// The path with something after its name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
