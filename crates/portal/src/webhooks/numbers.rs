//! Numbers as a filter takes them: `3`, `2-5`, `7-`, or several with commas.

use std::ops::RangeInclusive;

/// So many may be named; each is held against each webhook.
const PARTS_MAX: usize = 64;

/// Which numbers fit; of text that says no numbers, none does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    ranges: Vec<RangeInclusive<usize>>,
    /// What was asked for is no numbers.
    pub is_wrong: bool,
}

impl Numbers {
    /// `None`: nothing is asked for.
    pub fn of(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let ranges: Option<Vec<_>> = parts.take(PARTS_MAX + 1).map(range).collect();
        Some(match ranges {
            Some(ranges) if (1..=PARTS_MAX).contains(&ranges.len()) => Self { ranges, is_wrong: false },
            _ => Self { ranges: Vec::new(), is_wrong: true },
        })
    }

    pub fn fits(&self, number: usize) -> bool {
        self.ranges.iter().any(|range| range.contains(&number))
    }
}

/// With a hyphen, or the dash that a phone makes of it.
fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let number = |text: &str, open: usize| match text.trim() {
        "" => Some(open),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    match text.split_once(['-', '–']) {
        Some((from, to)) if !from.trim().is_empty() || !to.trim().is_empty() => {
            Some(number(from, 0)?..=number(to, usize::MAX)?)
        }
        Some(_) => None,
        None => number(text, 0).map(|only| only..=only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting(text: &str) -> Vec<usize> {
        let numbers = Numbers::of(text).unwrap();
        assert!(!numbers.is_wrong, "{text}");
        (1..=9).filter(|number| numbers.fits(*number)).collect()
    }

    #[test]
    fn numbers_and_ranges_fit() {
        assert_eq!(fitting("3"), [3]);
        assert_eq!(fitting(" 2 - 4 "), [2, 3, 4]);
        assert_eq!(fitting("2–3"), [2, 3]);
        assert_eq!(fitting("8-"), [8, 9]);
        assert_eq!(fitting("-2"), [1, 2]);
        assert_eq!(fitting("1,4-5,,9"), [1, 4, 5, 9]);
        assert_eq!(fitting("5-2"), [0; 0]);
    }

    #[test]
    fn what_is_no_number_fits_nothing_and_says_so() {
        for text in ["x", "-", "1-2-3", ",", "+3", "3.5", "99999999999999999999999", "1,x", "=1+1"] {
            let numbers = Numbers::of(text).unwrap();
            assert!(numbers.is_wrong && !numbers.fits(1) && !numbers.fits(3), "{text}");
        }
        assert_eq!((Numbers::of(""), Numbers::of("  ")), (None, None));
        assert!(!Numbers::of(&"1,".repeat(PARTS_MAX)).unwrap().is_wrong);
        assert!(Numbers::of(&"1,".repeat(PARTS_MAX + 1)).unwrap().is_wrong);
    }
}
