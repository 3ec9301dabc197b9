//! Numbers and times as people read them.

/// With a mark between thousands: `99,120`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in two units at most: `850 ms`, `9.5 s`, `42 s`, `5 m 12 s`, `2 h 3 m`, `3 d 4 h`.
pub fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    let two = |large: u64, name: &str, small: u64, of: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {of}"),
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..10 => format!("{seconds}.{} s", ms % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "m"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, text) in [(0, "0"), (999, "999"), (99_120, "99,120"), (1_000_000, "1,000,000")] {
            assert_eq!(count(number), text);
        }
        for (ms, text) in [
            (0, "0 ms"),
            (850, "850 ms"),
            (9_590, "9.5 s"),
            (42_000, "42 s"),
            (312_000, "5 m 12 s"),
            (7_380_000, "2 h 3 m"),
            (86_400_000, "1 d"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }
}
