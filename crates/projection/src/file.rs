//! Opening the file: as it is, if it stands on what we stand on, and made anew otherwise.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::ProjectionError;
use crate::place::{MODE, beside};
use crate::schema;

/// SQLite's own files beside it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What is there.
enum Found {
    Usable(Connection),
    /// Ours, of another version or other topics.
    Other(String),
    /// No database, or one with holes.
    Damaged(String),
    /// Somebody else's.
    NotOurs,
}

/// Opens the file for writing. What can't be used is made anew; what is damaged and does not say that it is ours is kept beside it.
pub fn open(path: &Path, layout_id: &str) -> Result<Connection, ProjectionError> {
    match look(path, layout_id)? {
        Found::Usable(connection) => {
            restrict(path)?;
            return Ok(connection);
        }
        Found::NotOurs => return Err(ProjectionError::NotOurs { path: path.to_owned() }),
        Found::Other(why) => {
            tracing::info!(path = %path.display(), "the projection is made anew from the log: {why}");
            remove(path)?;
        }
        Found::Damaged(why) if is_ours(path)? => {
            tracing::warn!(
                path = %path.display(),
                "the projection is damaged; it is removed and made anew from the log: {why}"
            );
            remove(path)?;
        }
        Found::Damaged(why) => {
            let aside = beside(path, ".damaged");
            tracing::warn!(
                path = %path.display(),
                kept_as = %aside.display(),
                "what is there is no projection that can be read; it is set aside, and one is made from the log: {why}"
            );
            let renamed = fs::rename(path, &aside);
            renamed.map_err(io_failed("setting aside", path))?;
        }
    }
    for ending in BESIDE {
        remove(&beside(path, ending))?;
    }
    match look(path, layout_id)? {
        Found::Usable(connection) => Ok(connection),
        Found::Other(why) | Found::Damaged(why) => {
            let error = io::Error::other(format!("a new file is not usable either: {why}"));
            Err(io_failed("making", path)(error))
        }
        Found::NotOurs => Err(ProjectionError::NotOurs { path: path.to_owned() }),
    }
}

/// Opens the file for reading, beside the writer, and reads: only then SQLite has opened all that belongs to it.
pub fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::configure_reader(&connection)?;
    schema::layout_id(&connection)?;
    Ok(connection)
}

fn look(path: &Path, layout_id: &str) -> Result<Found, ProjectionError> {
    // SQLite would let others read it; what it puts beside it gets the same rights.
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io_failed("making", path)(error));
        }
        _ => {}
    }
    match try_open(path, layout_id) {
        Ok(found) => Ok(found),
        Err(error) if is_damage(&error) => Ok(Found::Damaged(error.to_string())),
        Err(error) => Err(ProjectionError::Sqlite { what: "opening the file", error }),
    }
}

fn try_open(path: &Path, layout_id: &str) -> rusqlite::Result<Found> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    match schema::stands_on(&connection)? {
        schema::StandsOn::Nothing => {
            schema::configure_writer(&connection)?;
            schema::create(&mut connection, layout_id)?;
        }
        schema::StandsOn::NotOurs => return Ok(Found::NotOurs),
        schema::StandsOn::Schema(version) if version != schema::VERSION => {
            return Ok(Found::Other(format!("it has schema {version}, this program {}", schema::VERSION)));
        }
        schema::StandsOn::Schema(_) => {
            schema::configure_writer(&connection)?;
            let there = schema::layout_id(&connection)?;
            if there != layout_id {
                return Ok(Found::Other(format!("it is of the topics {there}, not of {layout_id}")));
            }
            if let Some(hole) = schema::first_hole(&connection)? {
                return Ok(Found::Damaged(hole));
            }
        }
    }
    Ok(Found::Usable(connection))
}

/// Its header says so, whatever the rest of it is.
fn is_ours(path: &Path) -> Result<bool, ProjectionError> {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(schema::HEADER_BYTES).read_to_end(&mut header));
    read.map_err(io_failed("reading", path))?;
    Ok(schema::is_header_of_ours(&header))
}

/// What stands in the file, not what hinders its opening.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(cause, _) => {
            matches!(cause.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
        }
        // A table of ours is not there, or not as it was.
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..) => true,
        _ => false,
    }
}

/// One that an earlier version made, with what is beside it.
fn restrict(path: &Path) -> Result<(), ProjectionError> {
    for path in [path.to_owned()].into_iter().chain(BESIDE.map(|ending| beside(path, ending))) {
        match fs::set_permissions(&path, Permissions::from_mode(MODE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_failed("restricting", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), ProjectionError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_failed("removing", path)(error)),
        _ => Ok(()),
    }
}

fn io_failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ProjectionError {
    let path = path.to_owned();
    move |error| ProjectionError::Io { what, path, error }
}
