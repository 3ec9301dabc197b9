//! Times in words.

/// From the coarsest to the finest: how long, in milliseconds, and what one and several are called.
const UNITS: [(u64, &str, &str); 4] = [
    (24 * 60 * 60 * 1_000, "a day", "days"),
    (60 * 60 * 1_000, "an hour", "hours"),
    (60 * 1_000, "a minute", "minutes"),
    (1_000, "a second", "seconds"),
];

/// What follows a number of attempts that take as long as this, rounded to whole units: ` within about 3 days`.
pub fn within(ms: u64) -> String {
    if ms == 0 {
        return ", one right after the other".to_owned();
    }
    // A unit is taken when there is about one of it.
    let unit = UNITS.into_iter().find(|(unit, ..)| ms.saturating_add(unit / 20) >= *unit);
    match unit.map(|(unit, one, several)| (ms.saturating_add(unit / 2) / unit, one, several)) {
        Some((number @ 2.., _, several)) => format!(" within about {number} {several}"),
        Some((_, one, _)) => format!(" within about {one}"),
        None => " within about a second".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (ms, told) in [
            (0, ", one right after the other"),
            (1, " within about a second"),
            (1_400, " within about a second"),
            (59_000, " within about a minute"),
            (60_000, " within about a minute"),
            (3_600_000, " within about an hour"),
            (90 * 60_000, " within about 2 hours"),
            (254_555_000, " within about 3 days"),
            (u64::MAX, " within about 213503982334 days"),
        ] {
            assert_eq!(within(ms), told, "{ms}");
        }
    }
}
