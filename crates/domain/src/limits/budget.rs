//! Bytes that several hold together, up to a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes at most, of all who share it. It is looked at before more is taken, so each may go past it by one record.
#[derive(Debug)]
pub struct Budget {
    used_bytes: AtomicUsize,
    most_bytes: AtomicUsize,
    max_bytes: usize,
}

impl Budget {
    pub const fn new(max_bytes: usize) -> Self {
        Self { used_bytes: AtomicUsize::new(0), most_bytes: AtomicUsize::new(0), max_bytes }
    }

    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// The most that were used at a time, ever.
    pub fn most_bytes(&self) -> usize {
        self.most_bytes.load(Ordering::Relaxed)
    }

    pub fn is_full(&self) -> bool {
        self.used_bytes() >= self.max_bytes
    }

    fn take(&self, bytes: usize) {
        let before = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.most_bytes.fetch_max(before + bytes, Ordering::Relaxed);
    }
}

/// One holder's part; given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    of: Arc<Budget>,
    bytes: usize,
}

impl Held {
    pub const fn none(of: Arc<Budget>) -> Self {
        Self { of, bytes: 0 }
    }

    /// It holds so many now.
    pub fn set(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.of.take(bytes - self.bytes);
        } else {
            self.of.used_bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// Whether all holders together have as much as they may.
    pub fn is_full(&self) -> bool {
        self.of.is_full()
    }

    /// Whether they have half of it.
    pub fn is_half_full(&self) -> bool {
        self.of.used_bytes() >= self.of.max_bytes / 2
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_holders_count_and_what_is_dropped_is_given_back() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut other) = (Held::none(budget.clone()), Held::none(budget.clone()));
        one.set(70);
        other.set(29);
        assert!(!other.is_full());
        other.set(31);
        assert!(one.is_full() && budget.used_bytes() == 101);
        one.set(10);
        drop(other);
        assert_eq!((budget.used_bytes(), budget.most_bytes()), (10, 101));
    }
}
