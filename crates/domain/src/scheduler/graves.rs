//! What was removed lately: an entry that is written again after its tombstone must not wait in a lane, for a deliverer
//! remembers only for a while that it was settled.

use crate::clock::Now;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

pub(super) struct Graves {
    /// When each key was removed last, by the monotonic clock.
    removed_ms: HashMap<Bytes, i64>,
    oldest_first: VecDeque<(i64, Bytes)>,
    /// Nothing is known of what was removed before.
    since_ms: i64,
}

impl Graves {
    /// An owner begins without memory.
    pub fn new(now: Now) -> Self {
        Self { removed_ms: HashMap::new(), oldest_first: VecDeque::new(), since_ms: now.mono_ms }
    }

    pub fn removed(&mut self, now: Now, key: Bytes, kept_ms: i64, max: usize) {
        self.removed_ms.insert(key.clone(), now.mono_ms);
        self.oldest_first.push_back((now.mono_ms, key));
        while let Some((at_ms, key)) =
            self.oldest_first.pop_front_if(|(at_ms, _)| now.mono_ms - *at_ms > kept_ms)
        {
            self.forget(at_ms, &key);
        }
        while self.oldest_first.len() > max
            && let Some((at_ms, key)) = self.oldest_first.pop_front()
        {
            self.forget(at_ms, &key);
            self.since_ms = now.mono_ms;
        }
    }

    fn forget(&mut self, at_ms: i64, key: &Bytes) {
        if self.removed_ms.get(key) == Some(&at_ms) {
            self.removed_ms.remove(key);
        }
    }

    /// Whether the key was removed within the last `kept_ms`, as far as is known.
    pub fn holds(&self, now: Now, key: &Bytes, kept_ms: i64) -> bool {
        self.removed_ms.get(key).is_some_and(|at_ms| now.mono_ms - at_ms <= kept_ms)
    }

    /// Whether everything that was removed within the last `kept_ms` is known.
    pub fn is_complete(&self, now: Now, kept_ms: i64) -> bool {
        now.mono_ms - self.since_ms > kept_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(mono_ms: i64) -> Now {
        Now { wall_ms: 0, mono_ms }
    }

    #[test]
    fn it_knows_what_was_removed_lately_and_how_much_it_does_not_know() {
        let mut graves = Graves::new(now(0));
        assert!(!graves.is_complete(now(10), 10) && graves.is_complete(now(11), 10));
        let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        graves.removed(now(20), a.clone(), 10, 2);
        graves.removed(now(25), a.clone(), 10, 2);
        assert!(
            graves.holds(now(35), &a, 10) && !graves.holds(now(36), &a, 10) && !graves.holds(now(26), &b, 10)
        );
        graves.removed(now(31), b.clone(), 10, 2);
        assert!(graves.holds(now(31), &a, 10), "the second one counts");
        assert!(graves.is_complete(now(31), 10));
        graves.removed(now(32), b, 10, 1);
        assert!(!graves.is_complete(now(42), 10), "there were too many");
    }
}
