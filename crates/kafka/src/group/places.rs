//! One task a partition at a time.

use std::collections::{HashMap, HashSet};

use super::hooks::Key;

/// Which partitions have a task. One that comes back while its former task is still on the way out waits for it: the two
/// would read the same topics by hand, which only one can.
pub(super) struct Places<G> {
    taken: HashSet<Key>,
    waiting: HashMap<Key, G>,
}

impl<G> Places<G> {
    pub fn new() -> Self {
        Self { taken: HashSet::new(), waiting: HashMap::new() }
    }

    /// Gives it back when its task may start; otherwise it is kept until [`Self::leave`], or until the next one comes.
    pub fn enter(&mut self, key: Key, given: G) -> Option<G> {
        if self.taken.insert(key.clone()) {
            return Some(given);
        }
        self.waiting.insert(key, given);
        None
    }

    /// A task has ended; what waited for that may start.
    pub fn leave(&mut self, key: &Key) -> Option<G> {
        let next = self.waiting.remove(key);
        if next.is_none() {
            self.taken.remove(key);
        }
        next
    }

    /// The partitions with a task, in order.
    pub fn names(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.taken.iter().collect();
        keys.sort();
        keys.into_iter().map(|(topic, partition)| format!("{topic}/{partition}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_comes_back_waits_for_its_former_task() {
        let mut places = Places::new();
        let (a, b) = (("t".to_owned(), 1), ("t".to_owned(), 0));
        assert_eq!(places.enter(a.clone(), 'a'), Some('a'));
        assert_eq!(places.enter(b.clone(), 'b'), Some('b'));
        assert_eq!(places.enter(a.clone(), 'c'), None);
        assert_eq!(places.enter(a.clone(), 'd'), None, "it was taken and given once more");
        assert_eq!(places.leave(&b), None);
        assert_eq!(places.leave(&a), Some('d'));
        assert_eq!(places.names(), ["t/1"]);
        assert_eq!(places.leave(&a), None);
        assert_eq!(places.enter(a, 'e'), Some('e'));
    }
}
