//! Connections to read with, each used by one reader at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{ProjectionError, blocking, file};

/// Reads under way, at most; the others wait.
const READS_MAX: usize = 4;

pub struct Readers {
    path: PathBuf,
    room: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        Self { path, room: Arc::new(Semaphore::new(READS_MAX)), idle: Arc::default() }
    }

    /// Runs `query` in one read transaction's view. When nobody waits for it any more, it still ends before its place is free.
    pub async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ProjectionError> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| ProjectionError::Closed)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        blocking(move || {
            let _room = room;
            let waiting = lock(&idle).pop();
            let connection = match waiting {
                Some(connection) => connection,
                None => file::open_to_read(&path).map_err(ProjectionError::sqlite("opening it to read"))?,
            };
            let read = query(&connection).map_err(ProjectionError::sqlite(what))?;
            // One that failed is closed instead.
            lock(&idle).push(connection);
            Ok(read)
        })
        .await
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
