//! History that is made anew: what there was of it goes, and until the log is read again nothing of it is told.
//!
//! Which generation the rows are of stands beside them and changes with them, so whoever reads a position or rows reads it with
//! them. Here is what is known of it otherwise, which may be one behind for a moment.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// How often history was made anew since the file was opened, and whether it is whole.
pub struct Anew {
    generation: watch::Sender<u64>,
    /// The generation that was whole last.
    whole: AtomicU64,
}

impl Anew {
    pub fn new() -> Self {
        Self { generation: watch::channel(0).0, whole: AtomicU64::new(0) }
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whether this generation is whole.
    pub fn is_whole(&self, generation: u64) -> bool {
        self.whole.load(Ordering::SeqCst) == generation
    }

    /// The rows are of this one now.
    pub fn is(&self, generation: u64) {
        self.generation.send_if_modified(|known| std::mem::replace(known, generation) != generation);
    }

    pub fn whole_again(&self, generation: u64) {
        self.whole.fetch_max(generation, Ordering::SeqCst);
    }
}
