//! Times as the APIs and webhooks write them.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// ISO 8601 in UTC with milliseconds and `Z`, for example `2024-01-15T10:30:00.000Z`. Times that no calendar holds
/// (before the year -9999, after 9999) become the first or last one.
pub fn iso_millis(epoch_ms: i64) -> String {
    let nearest = if epoch_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    PRINTER.timestamp_to_string(&Timestamp::from_millisecond(epoch_ms).unwrap_or(nearest))
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

    proptest! {
        #[test]
        fn no_number_is_too_large(ms: i64) {
            let text = iso_millis(ms);
            prop_assert!(text.ends_with('Z') && text.contains('.'), "{}", text);
        }
    }
}
