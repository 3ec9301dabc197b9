//! What can go wrong.

use std::io;
use std::path::PathBuf;

/// Why the projection can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    #[error(
        "the projection {} is in use by another process; give each process a file of its own (api.projection_path)",
        .path.display()
    )]
    InUse { path: PathBuf },
    #[error(
        "{} is a database, but no projection of ours, and is left as it is; name another file (api.projection_path)",
        .path.display()
    )]
    NotOurs { path: PathBuf },
    #[error("{what} {} failed: {error}; see its permissions and the room on its disk, or name another file (api.projection_path)", .path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error(
        "{what} in the projection failed: {error}; see the room on its disk; if it does not pass, stop the process, delete the file and start again: it is made anew from the log"
    )]
    Sqlite { what: &'static str, error: rusqlite::Error },
    #[error(
        "{what} in the projection took longer than {read_timeout_ms} ms (api.command_timeout_ms); ask for less"
    )]
    Late { what: &'static str, read_timeout_ms: u64 },
    #[error("the history is made anew from the log; ask again when that is read")]
    MadeAnew,
    #[error("the projection is not open yet")]
    NotOpen,
    #[error("the projection is closed")]
    Closed,
    #[error("the thread that writes the projection panicked; this is a bug")]
    WriterPanicked,
}

impl ProjectionError {
    pub(crate) fn sqlite(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |error| Self::Sqlite { what, error }
    }
}
