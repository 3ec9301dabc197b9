//! Where numbers stand.

use crate::html::number;

/// Into so many equal parts a picture is divided that has one scale upwards and downwards.
const PARTS: u64 = 3;

/// A scale in both directions: as much takes as much room upwards as downwards. Zero stands between two of its parts, where both
/// have the most room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    /// Parts above zero; the others are below.
    above: u64,
    /// What a part stands for; never 0.
    step: u64,
}

impl Halves {
    pub fn of(greatest_above: u64, greatest_below: u64) -> Self {
        let step = |greatest: u64, parts: u64| match parts {
            0 if greatest > 0 => None,
            0 => Some(1),
            parts => Some(greatest.div_ceil(parts).max(1)),
        };
        // The first is taken where several are as good.
        let all = [2, 1, PARTS, 0].into_iter().filter_map(|above| {
            let step = step(greatest_above, above)?.max(step(greatest_below, PARTS - above)?);
            Some(Self { above, step })
        });
        all.min_by_key(|halves| halves.step).unwrap_or(Self { above: 2, step: 1 })
    }

    /// Where zero is: from 0 at the top to 100.
    pub fn zero(self) -> f64 {
        Self::part(self.above)
    }

    /// How much of the picture so many take, whichever way, from 0 to 100.
    pub fn length(self, value: u64) -> f64 {
        value as f64 / self.step as f64 * Self::part(1)
    }

    /// From top to bottom, evenly.
    pub fn labels(self) -> [u64; 4] {
        [0, 1, 2, 3].map(|part: u64| self.step.saturating_mul(part.abs_diff(self.above)))
    }

    /// Of the lines beside that of zero.
    pub fn grid(self) -> Vec<String> {
        (0..=PARTS).filter(|part| *part != self.above).map(|part| place(Self::part(part))).collect()
    }

    fn part(part: u64) -> f64 {
        100.0 * part as f64 / PARTS as f64
    }
}

/// Short enough to stand beside a picture: `9,999`, `12.3 k`, `4.0 M`.
pub fn label(value: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (10_000, "k"),
    ];
    match UNITS.into_iter().find(|(least, _)| value >= *least) {
        None => number(value),
        Some((least, name)) => {
            let unit = if name == "k" { 1_000 } else { least };
            format!("{}.{} {name}", number(value / unit), value % unit * 10 / unit)
        }
    }
}

/// As an attribute has it.
pub fn place(value: f64) -> String {
    format!("{value:.2}")
}

/// Powers of ten, in milliseconds, between which answer times are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decades {
    low: u32,
    high: u32,
}

impl Decades {
    /// From 10 ms to 10 s, and further where something is less or more, down to 1 ms and up to 1,000 s.
    pub fn around(times_ms: impl Iterator<Item = u64> + Clone) -> Self {
        let least = times_ms.clone().min().unwrap_or(10);
        let greatest = times_ms.max().unwrap_or(0);
        let reaches = |power: &u32| 10_u64.pow(*power) >= greatest;
        Self { low: u32::from(least >= 10), high: (4..6).find(reaches).unwrap_or(6) }
    }

    /// From 0 at the top to 100; beyond the ends it is drawn at them.
    pub fn y(self, time_ms: u64) -> f64 {
        let decades = (time_ms.max(1) as f64).log10() - f64::from(self.low);
        100.0 - (decades / f64::from(self.count())).clamp(0.0, 1.0) * 100.0
    }

    /// From top to bottom, evenly.
    pub fn labels(self) -> Vec<&'static str> {
        const LABELS: [&str; 7] = ["1 ms", "10 ms", "0.1 s", "1 s", "10 s", "100 s", "1,000 s"];
        LABELS.iter().skip(self.low as usize).take(self.count() as usize + 1).rev().copied().collect()
    }

    /// Of the lines between the ends.
    pub fn grid(self) -> Vec<String> {
        (1..self.count()).map(|line| place(100.0 * f64::from(line) / f64::from(self.count()))).collect()
    }

    const fn count(self) -> u32 {
        self.high - self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_in_both_directions_leaves_the_most_room_and_is_never_empty() {
        let parts = |above, below| {
            let halves = Halves::of(above, below);
            (halves.above, halves.step)
        };
        assert_eq!([parts(0, 0), parts(1, 0), parts(0, 1), parts(1, 1)], [(2, 1), (2, 1), (2, 1), (2, 1)]);
        assert_eq!([parts(171, 44), parts(44, 171)], [(2, 86), (1, 86)]);
        assert_eq!([parts(9, 0), parts(0, 9), parts(9, 1)], [(3, 3), (0, 3), (2, 5)]);
        assert_eq!(parts(u64::MAX, u64::MAX), (2, u64::MAX));
        assert_eq!(Halves::of(u64::MAX, u64::MAX).labels(), [u64::MAX, u64::MAX, 0, u64::MAX]);
        let length = |value| place(Halves::of(90, 45).length(value));
        assert_eq!([length(0), length(45), length(90)], ["0.00", "33.33", "66.67"]);
    }

    #[test]
    fn labels_stay_short() {
        let labels = [0, 9_999, 10_000, 12_345, 4_000_000, u64::MAX].map(label);
        assert_eq!(labels, ["0", "9,999", "10.0 k", "12.3 k", "4.0 M", "18,446.7 P"]);
    }

    #[test]
    fn answer_times_stand_on_powers_of_ten() {
        let usual = Decades::around([70, 9_600].into_iter());
        assert_eq!(usual.labels(), ["10 s", "1 s", "0.1 s", "10 ms"]);
        assert_eq!(usual.grid(), ["33.33", "66.67"]);
        assert_eq!(
            [10, 10_000, 1, u64::MAX].map(|ms| place(usual.y(ms))),
            ["100.00", "0.00", "100.00", "0.00"]
        );
        assert_eq!(place(usual.y(100)), "66.67");
        assert_eq!(Decades::around([1, 2].into_iter()).labels(), ["10 s", "1 s", "0.1 s", "10 ms", "1 ms"]);
        assert_eq!(Decades::around([50, u64::MAX].into_iter()).labels()[0], "1,000 s");
        assert_eq!(Decades::around([50, 10_001].into_iter()).labels()[0], "100 s");
        assert_eq!(Decades::around(std::iter::empty()), usual);
    }
}
