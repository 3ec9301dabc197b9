//! Connections to read with, each used by one reader at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::{ProjectionError, blocking, file};

/// Reads under way, at most, and as many connections; the others wait.
const READS_MAX: u32 = 4;
/// Steps of SQLite's machine between two looks at the clock: far less than a millisecond.
const STEPS: i32 = 1_000;

pub struct Readers {
    room: Arc<Semaphore>,
    idle: Idle,
    timeout_ms: u64,
}

type Idle = Arc<Mutex<Vec<Connection>>>;

impl Readers {
    /// Opens all connections there will ever be: at this path there may be nothing later, or something else. No read takes
    /// longer than `timeout_ms`, its wait for a connection included.
    pub fn open(path: &Path, timeout_ms: u64) -> Result<Self, ProjectionError> {
        let connections: rusqlite::Result<Vec<_>> =
            (0..READS_MAX).map(|_| file::open_to_read(path)).collect();
        let connections = connections.map_err(ProjectionError::sqlite("opening it to read"))?;
        let room = Arc::new(Semaphore::new(connections.len()));
        Ok(Self { room, idle: Arc::new(Mutex::new(connections)), timeout_ms })
    }

    /// Runs `query` in one read transaction's view. When nobody waits for it any more, it still ends before its place is free,
    /// which its time limits.
    pub async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ProjectionError> {
        let (idle, timeout_ms) = (Arc::clone(&self.idle), self.timeout_ms);
        let within = Duration::from_millis(timeout_ms);
        let until = Instant::now().checked_add(within);
        let room = timeout(within, Arc::clone(&self.room).acquire_owned()).await;
        let room = room.map_err(|_| ProjectionError::Late { what, read_timeout_ms: timeout_ms })?;
        let room = room.map_err(|_| ProjectionError::Closed)?;
        blocking(move || {
            // Given back before the place is.
            let _room = room;
            let mut lent = Lent::of(idle).ok_or(ProjectionError::Closed)?;
            lent.query(until, query).map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::OperationInterrupted) => {
                    ProjectionError::Late { what, read_timeout_ms: timeout_ms }
                }
                _ => ProjectionError::Sqlite { what, error },
            })
        })
        .await
    }

    /// Waits for the reads under way.
    pub async fn close(&self) -> Result<(), ProjectionError> {
        let all = self.room.acquire_many(READS_MAX).await.map_err(|_| ProjectionError::Closed)?;
        self.room.close();
        drop(all);
        let idle = std::mem::take(&mut *lock(&self.idle));
        blocking(move || {
            drop(idle);
            Ok(())
        })
        .await
    }
}

/// A connection that comes back however it was used: one that failed works again when what failed does.
struct Lent {
    connection: Option<Connection>,
    idle: Idle,
}

impl Lent {
    fn of(idle: Idle) -> Option<Self> {
        let connection = Some(lock(&idle).pop()?);
        Some(Self { connection, idle })
    }

    /// Gives up at this time.
    fn query<T>(
        &mut self,
        until: Option<Instant>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let connection = self.connection.as_mut().ok_or(rusqlite::Error::InvalidQuery)?;
        // It stays until the next one, with which the connection is used again.
        let is_late = move || until.is_some_and(|until| Instant::now() >= until);
        connection.progress_handler(STEPS, Some(is_late))?;
        query(connection)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&self.idle).extend(self.connection.take());
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn who_waits_too_long_for_a_connection_is_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.sqlite");
        let _writer = file::open(&path, "layout").unwrap();
        let readers = Arc::new(Readers::open(&path, 50).unwrap());
        let mut held = Vec::new();
        for _ in 0..READS_MAX {
            let (entered, is_held) = oneshot::channel();
            let (end, ended) = mpsc::channel::<()>();
            let readers = Arc::clone(&readers);
            let holding = async move {
                let hold = move |_: &Connection| {
                    entered.send(()).unwrap();
                    assert!(ended.recv().is_err());
                    Ok(())
                };
                readers.read("holding", hold).await
            };
            let holding = tokio::spawn(holding);
            is_held.await.unwrap();
            held.push((end, holding));
        }
        let late = readers.read("waiting", |_| Ok(())).await;
        assert!(
            matches!(late, Err(ProjectionError::Late { what: "waiting", read_timeout_ms: 50 })),
            "{late:?}"
        );
        for (end, holding) in held {
            drop(end);
            holding.await.unwrap().unwrap();
        }
        readers.read("going on", |_| Ok(())).await.unwrap();
    }
}
