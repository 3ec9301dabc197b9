//! The contiguous settled prefix: what may be committed when work is settled out of order.

use std::collections::VecDeque;

/// Units of work of one partition in the order of their offsets. A unit covers all offsets after the unit before it, up
/// to its own last one; so gaps in the log (transaction markers, compacted records) need no care.
#[derive(Debug)]
pub struct Prefix<T> {
    committable: i64,
    open: VecDeque<Unit<T>>,
}

#[derive(Debug)]
struct Unit<T> {
    last_offset: i64,
    settled: bool,
    value: T,
}

impl<T> Prefix<T> {
    /// Begins at the committed offset: the first one that is not settled.
    pub const fn new(committed: i64) -> Self {
        Self { committable: committed, open: VecDeque::new() }
    }

    /// Adds a unit of work that ends with `last_offset`. Returns false, and changes nothing, unless that lies beyond
    /// everything added so far.
    #[must_use]
    pub fn begin(&mut self, last_offset: i64, value: T) -> bool {
        if last_offset < self.next_offset() {
            return false;
        }
        self.open.push_back(Unit { last_offset, settled: false, value });
        true
    }

    /// Settles the unit that ends with `last_offset`. Returns false when there is none that is still unsettled.
    pub fn settle(&mut self, last_offset: i64) -> bool {
        let Some(unit) = self.find(last_offset) else { return false };
        if std::mem::replace(&mut unit.settled, true) {
            return false;
        }
        while let Some(unit) = self.open.pop_front_if(|unit| unit.settled) {
            self.committable = unit.last_offset + 1;
        }
        true
    }

    /// What may be committed: everything before this offset is settled.
    pub const fn committable(&self) -> i64 {
        self.committable
    }

    /// The first offset that no unit covers.
    pub fn next_offset(&self) -> i64 {
        self.open.back().map_or(self.committable, |unit| unit.last_offset + 1)
    }

    /// The values of all units at or after [`Self::committable`], settled or not, oldest first.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.open.iter().map(|unit| &unit.value)
    }

    /// Units at or after [`Self::committable`], settled or not.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn find(&mut self, last_offset: i64) -> Option<&mut Unit<T>> {
        let index = self.open.binary_search_by_key(&last_offset, |unit| unit.last_offset).ok()?;
        self.open.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_for_the_oldest() {
        let mut prefix = Prefix::new(10);
        assert!(prefix.begin(10, 'a') && prefix.begin(14, 'b') && prefix.begin(15, 'c'));
        assert!(prefix.settle(14));
        assert_eq!((prefix.committable(), prefix.len()), (10, 3));
        assert!(prefix.settle(10));
        assert_eq!(prefix.committable(), 15);
        assert_eq!(prefix.values().collect::<String>(), "c");
        assert!(!prefix.settle(14), "settled before");
        assert!(!prefix.settle(99), "never begun");
        assert!(!prefix.begin(15, 'd'), "begun before");
    }

    proptest! {
        /// Against the plain definition, for any order of settling and any gaps.
        #[test]
        fn is_the_longest_settled_beginning(
            gaps in prop::collection::vec(1..5_i64, 1..60), order in prop::collection::vec(any::<prop::sample::Index>(), 0..120)
        ) {
            let offsets: Vec<i64> = gaps.iter().scan(99, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut prefix = Prefix::new(100);
            for offset in &offsets {
                prop_assert!(prefix.begin(*offset, *offset));
            }
            let mut settled = vec![false; offsets.len()];
            for pick in order {
                let i = pick.index(offsets.len());
                prop_assert_eq!(prefix.settle(offsets[i]), !settled[i]);
                settled[i] = true;
                let beginning = settled.iter().take_while(|s| **s).count();
                let expected = beginning.checked_sub(1).map_or(100, |last| offsets[last] + 1);
                prop_assert_eq!(prefix.committable(), expected);
                prop_assert_eq!(prefix.values().copied().collect::<Vec<_>>(), &offsets[beginning..]);
            }
        }
    }
}
