//! How long answers take, kept small: how many took about as long, in steps of a sixteenth and less.

use std::collections::BTreeMap;

/// Steps between a power of two and the next one.
const STEPS: u32 = 16;
const STEPS_LOG2: u32 = STEPS.trailing_zeros();
/// How many bytes a step takes.
const BYTES: usize = 6;

/// Times in milliseconds. What is told of them is right to a thirty-second, and to the millisecond below 32.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Answers(BTreeMap<u16, u32>);

impl Answers {
    /// So many of this time.
    pub fn add(&mut self, ms: u32, times: u32) {
        self.add_to(step_of(ms), times);
    }

    fn add_to(&mut self, step: u16, times: u32) {
        let count = self.0.entry(step).or_default();
        *count = count.saturating_add(times);
    }

    /// Those of both.
    pub fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(step, times)| self.add_to(*step, *times));
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.values().map(|times| u64::from(*times)).sum()
    }

    /// So many of a hundred took no longer than this, in milliseconds (nearest rank); `None`: there are none.
    pub fn percentile(&self, percent: u64) -> Option<u32> {
        let rank = (self.total() * percent.min(100)).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.0.iter().find(|(_, times)| {
            seen += u64::from(**times);
            seen >= rank
        });
        reached.map(|(step, _)| middle_of(*step))
    }

    /// As it is kept; empty: there are none.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * BYTES);
        for (step, times) in &self.0 {
            bytes.extend(step.to_be_bytes());
            bytes.extend(times.to_be_bytes());
        }
        bytes
    }

    /// What was kept.
    pub fn decode(bytes: &[u8]) -> Self {
        let (steps, _) = bytes.as_chunks::<BYTES>();
        let read =
            |[a, b, times @ ..]: &[u8; BYTES]| (u16::from_be_bytes([*a, *b]), u32::from_be_bytes(*times));
        Self(steps.iter().map(read).collect())
    }
}

/// Below 32 each has its own; then the leading bits tell.
fn step_of(ms: u32) -> u16 {
    let shift = ms.checked_ilog2().unwrap_or(0).saturating_sub(STEPS_LOG2);
    let step = shift * STEPS + (ms >> shift);
    u16::try_from(step).unwrap_or(u16::MAX)
}

fn middle_of(step: u16) -> u32 {
    let shift = (u32::from(step) / STEPS).saturating_sub(1).min(u32::BITS - 1 - STEPS_LOG2);
    let leading = u32::from(step).saturating_sub(shift * STEPS).min(2 * STEPS - 1);
    (leading << shift) + ((1_u32 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_of_them_took_no_longer_than_the_median() {
        let mut answers = Answers::default();
        assert_eq!((answers.percentile(50), answers.total()), (None, 0));
        for ms in [3, 1, 2, 30, 12] {
            answers.add(ms, 1);
        }
        assert_eq!((answers.percentile(50), answers.percentile(95)), (Some(3), Some(30)));
        assert_eq!((answers.percentile(0), answers.percentile(100)), (Some(1), Some(30)));
        answers.add(20, 95);
        assert_eq!((answers.percentile(50), answers.percentile(99)), (Some(20), Some(20)));
        assert_eq!((answers.percentile(100), answers.total()), (Some(30), 100));
    }

    #[test]
    fn the_longest_time_is_a_time_too() {
        let mut answers = Answers::default();
        answers.add(u32::MAX, u32::MAX);
        answers.add(u32::MAX, 2);
        assert!(answers.percentile(50).is_some_and(|ms| ms > u32::MAX - u32::MAX / 16));
        assert_eq!(answers.total(), u64::from(u32::MAX));
        // What nobody has written.
        assert!(Answers::decode(&[0xff, 0xff, 0, 0, 0, 1, 9]).percentile(50).is_some());
    }

    proptest! {
        #[test]
        fn a_time_is_told_to_a_thirty_second(ms: u32) {
            let told = middle_of(step_of(ms));
            prop_assert!(told.abs_diff(ms) <= ms / 32, "{ms} is told as {told}");
        }

        #[test]
        fn longer_times_come_later_and_what_is_kept_is_the_same(times in prop::collection::vec((0..700_000_u32, 1..9_u32), 0..40)) {
            let mut answers = Answers::default();
            let (mut one, mut other) = (Answers::default(), Answers::default());
            for (number, (ms, count)) in times.iter().enumerate() {
                answers.add(*ms, *count);
                let part = if number % 2 == 0 { &mut one } else { &mut other };
                part.add(*ms, *count);
            }
            one.add_all(&other);
            prop_assert_eq!(&one, &answers);
            prop_assert_eq!(Answers::decode(&answers.encode()), answers.clone());
            let mut all: Vec<u32> =
                times.iter().flat_map(|(ms, count)| std::iter::repeat_n(*ms, *count as usize)).collect();
            all.sort_unstable();
            for percent in [0, 50, 95, 100] {
                let rank = (all.len() as u64 * percent).div_ceil(100).max(1) as usize;
                let exact = all.get(rank - 1).map(|ms| middle_of(step_of(*ms)));
                prop_assert_eq!(answers.percentile(percent), exact);
            }
        }
    }
}
