//! The directory of one installation on one machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error(
        "the data directory {} is in use by process {holder}; stop that one, or name another directory with --data-dir",
        .path.display()
    )]
    InUse { path: PathBuf, holder: String },
    /// It cannot be written.
    #[error("{what} {} failed: {error}; see its permissions, or name another directory with --data-dir", .path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
}

/// A data directory that this process alone uses, as long as it holds this.
pub struct DataDir {
    path: PathBuf,
    /// The system gives the lock back however the process ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if there is none, and takes its lock.
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let failed = |what| move |error| DataDirError::Io { what, path: path.to_owned(), error };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("making the directory"))?;
        let path = path.canonicalize().map_err(failed("finding the directory"))?;
        let lock = path.join("lock");
        let failed = |what| {
            let lock = lock.clone();
            move |error| DataDirError::Io { what, path: lock, error }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(failed("opening"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(failed("reading"))?;
                return Err(DataDirError::InUse { path, holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed("locking")(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed("writing"))?;
        writeln!(file, "{}", std::process::id()).map_err(failed("writing"))?;
        Ok(Self { path, _lock: file })
    }

    /// A place in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of a file that only its owner may read, made with `make` when there is none yet. It appears whole or
    /// not at all: a start that is killed leaves no half of a key.
    pub fn keep(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, DataDirError> {
        let path = self.join(name);
        let failed = |what| {
            let path = path.clone();
            move |error| DataDirError::Io { what, path, error }
        };
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("reading")(error)),
        }
        let text = make();
        let temporary = self.join(&format!("{name}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed("making"))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("writing"))?;
        fs::rename(&temporary, &path).map_err(failed("making"))?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_and_the_second_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a/b");
        let held = DataDir::lock(&place).unwrap();
        let refused = DataDir::lock(&place).err().unwrap().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(held);
        DataDir::lock(&place).unwrap();
    }

    #[test]
    fn what_is_kept_stays_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let held = DataDir::lock(dir.path()).unwrap();
        assert_eq!(held.keep("key", || "first".to_owned()).unwrap(), "first");
        assert_eq!(held.keep("key", || "second".to_owned()).unwrap(), "first");
        assert_eq!(fs::metadata(held.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
