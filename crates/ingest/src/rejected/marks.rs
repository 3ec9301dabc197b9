//! Which offsets hold nothing that is open: settled records, and the marks that settle them.

use std::collections::BTreeMap;

/// Ranges of offsets that are kept, at most: about 10 MB. Those who retry retry whole stretches.
const RANGES_MAX: usize = 200_000;

/// A set of offsets, neighbours kept as one range.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// From the first offset of each range to the one after its last.
    ranges: BTreeMap<i64, i64>,
    /// Below this it was forgotten.
    floor: i64,
}

impl Marks {
    /// Nothing is known of offsets below this one.
    pub fn floor(&self) -> i64 {
        self.floor
    }

    pub fn contains(&self, offset: i64) -> bool {
        self.beginning_of(offset).is_some()
    }

    /// The first offset of the range that this one is in.
    pub fn beginning_of(&self, offset: i64) -> Option<i64> {
        let (start, end) = self.ranges.range(..=offset).next_back()?;
        (offset < *end).then_some(*start)
    }

    pub fn insert(&mut self, offset: i64) {
        if offset < self.floor || self.contains(offset) {
            return;
        }
        let end = self.ranges.remove(&(offset + 1)).unwrap_or(offset + 1);
        match self.ranges.range_mut(..=offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => {
                self.ranges.insert(offset, end);
            }
        }
        if self.ranges.len() > RANGES_MAX
            && let Some((_, end)) = self.ranges.pop_first()
        {
            self.floor = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn neighbours_become_one() {
        let mut marks = Marks::default();
        for offset in [5, 3, 4, 9, 5, 0] {
            marks.insert(offset);
        }
        assert_eq!(marks.ranges, BTreeMap::from([(0, 1), (3, 6), (9, 10)]));
        assert_eq!(
            [2, 3, 5, 6, 9].map(|offset| marks.beginning_of(offset)),
            [None, Some(3), Some(3), None, Some(9)]
        );
    }

    #[test]
    fn holds_what_was_put_in() {
        // Every order of a few offsets, by counting in base 6.
        for order in 0..6_usize.pow(5) {
            let (mut marks, mut set, mut rest) = (Marks::default(), BTreeSet::new(), order);
            for _ in 0..5 {
                let offset = i64::try_from(rest % 6).unwrap();
                marks.insert(offset);
                set.insert(offset);
                rest /= 6;
            }
            for offset in -1..8 {
                assert_eq!(marks.contains(offset), set.contains(&offset), "{order} {offset}");
            }
            assert!(marks.ranges.iter().zip(marks.ranges.keys().skip(1)).all(|((_, end), next)| end < next));
        }
    }

    #[test]
    fn the_oldest_are_forgotten_and_that_is_known() {
        let mut marks = Marks::default();
        let count = i64::try_from(RANGES_MAX).unwrap() + 1;
        for offset in 0..count {
            marks.insert(offset * 2);
        }
        assert_eq!((marks.ranges.len(), marks.floor()), (RANGES_MAX, 1));
        marks.insert(0);
        assert!(!marks.contains(0) && marks.contains(2));
    }
}
