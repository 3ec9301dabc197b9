//! A range of times in a few words.

use jiff::civil::DateTime;

/// Of the fields of a form; `None`: neither is set.
pub fn between(from: &str, until: &str) -> Option<String> {
    match (told(from), told(until)) {
        (Some(from), Some(until)) => Some(format!("{from} to {until}")),
        (Some(from), None) => Some(format!("From {from}")),
        (None, Some(until)) => Some(format!("Before {until}")),
        (None, None) => None,
    }
}

fn told(local: &str) -> Option<String> {
    let time = local.parse::<DateTime>().ok()?;
    let is_minute = time.second() == 0 && time.subsec_nanosecond() == 0;
    let clock = if is_minute { "%H:%M" } else { "%H:%M:%S%.f" };
    Some(time.strftime(&format!("%-d %b %Y, {clock}")).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_told_by_the_ends_that_it_has() {
        let of = |from, until| between(from, until).unwrap_or_default();
        assert_eq!(of("2026-11-20T11:30", "2026-11-21T00:00"), "20 Nov 2026, 11:30 to 21 Nov 2026, 00:00");
        assert_eq!(of("2026-11-20T11:30:05.118", ""), "From 20 Nov 2026, 11:30:05.118");
        assert_eq!(of("", "2026-11-20T11:30:05"), "Before 20 Nov 2026, 11:30:05");
        assert_eq!((of("", ""), of("<b>", "soon")), (String::new(), String::new()));
    }
}
