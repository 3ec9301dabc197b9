//! Times as the APIs and webhooks write them.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// ISO 8601 in UTC with milliseconds and `Z`, for example `2024-01-15T10:30:00.000Z`. Times that no calendar holds
/// (before the year -9999, after 9999) become the first or last one.
pub fn iso_millis(epoch_ms: i64) -> String {
    let nearest = if epoch_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    PRINTER.timestamp_to_string(&Timestamp::from_millisecond(epoch_ms).unwrap_or(nearest))
}

/// A calendar month later in UTC, at the same time of day to the millisecond: the same day of the next month, or its last one
/// where it is shorter. `None`: no calendar holds it.
pub fn one_month_later(epoch_ms: i64) -> Option<i64> {
    let now = Timestamp::from_millisecond(epoch_ms).ok()?.to_zoned(TimeZone::UTC);
    Some(now.checked_add(1.month()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn always_has_three_digits_and_z() {
        for (ms, text) in [
            (1_705_314_600_000, "2024-01-15T10:30:00.000Z"),
            (1_705_314_600_007, "2024-01-15T10:30:00.007Z"),
            (1_705_314_600_120, "2024-01-15T10:30:00.120Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso_millis(ms), text);
        }
    }

    fn month_after(text: &str) -> String {
        let ms = text.parse::<Timestamp>().unwrap().as_millisecond();
        one_month_later(ms).map(iso_millis).unwrap()
    }

    #[test]
    fn a_month_is_the_calendars_and_keeps_the_time_of_day() {
        for (from, to) in [
            ("2024-01-15T10:30:00.000Z", "2024-02-15T10:30:00.000Z"),
            ("2023-01-31T23:59:59.999Z", "2023-02-28T23:59:59.999Z"),
            ("2024-01-31T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
            ("2024-01-30T00:00:00.001Z", "2024-02-29T00:00:00.001Z"),
            ("2023-01-29T12:00:00.123Z", "2023-02-28T12:00:00.123Z"),
            ("2024-02-29T12:00:00.123Z", "2024-03-29T12:00:00.123Z"),
            ("2023-02-28T12:00:00.123Z", "2023-03-28T12:00:00.123Z"),
            ("2100-01-31T00:00:00.000Z", "2100-02-28T00:00:00.000Z"),
            ("2000-01-31T00:00:00.000Z", "2000-02-29T00:00:00.000Z"),
            ("2024-03-31T02:30:00.007Z", "2024-04-30T02:30:00.007Z"),
            ("2024-10-27T00:30:00.000Z", "2024-11-27T00:30:00.000Z"),
            ("2024-12-31T23:59:59.999Z", "2025-01-31T23:59:59.999Z"),
            ("1969-12-31T23:59:59.999Z", "1970-01-31T23:59:59.999Z"),
        ] {
            assert_eq!(month_after(from), to);
        }
        assert_eq!(one_month_later(i64::MAX), None);
        assert_eq!(one_month_later(i64::MIN), None);
        assert_eq!(one_month_later(Timestamp::MAX.as_millisecond()), None);
    }

    proptest! {
        #[test]
        fn a_month_has_28_to_31_days_and_ends_on_the_same_day_or_the_last(ms in -62_000_000_000_000i64..250_000_000_000_000) {
            const DAY_MS: i64 = 86_400_000;
            let later = one_month_later(ms).unwrap();
            prop_assert!((28..=31).contains(&((later - ms) / DAY_MS)) && (later - ms) % DAY_MS == 0);
            let day = |ms: i64| iso_millis(ms)[8..10].to_owned();
            prop_assert!(day(later) == day(ms) || day(later + DAY_MS) == "01");
        }

        #[test]
        fn no_number_is_too_large(ms: i64) {
            let text = iso_millis(ms);
            prop_assert!(text.ends_with('Z') && text.contains('.'), "{}", text);
        }
    }
}
