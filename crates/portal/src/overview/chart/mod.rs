//! Pictures of a day, hour by hour, drawn as SVG within a box of 100 by 100 that is stretched: only attributes, since the pages
//! allow no styles of their own. All text stands around them, and `macros/chart.html` draws both.

mod answers;
mod axis;
mod deliveries;

pub use answers::Answers;
pub use deliveries::Deliveries;

use crate::zone::Zone;

use super::model::Hour;

/// Below the picture, from left to right.
fn times(hours: &[Hour], zone: &Zone) -> Vec<String> {
    let label = |place: usize| {
        let hour = hours.get(place * hours.len() / 4)?;
        Some(zone.format(hour.since, if place == 0 { "%-d %b %H:%M" } else { "%H:%M" }))
    };
    let mut labels: Vec<_> =
        if hours.len() < 4 { label(0).into_iter().collect() } else { (0..4).filter_map(label).collect() };
    labels.push("now".to_owned());
    labels
}

/// Of an hour in sentences and tables.
fn clock(hour: &Hour, zone: &Zone) -> String {
    zone.format(hour.since, "%H:%M")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use jiff::{Timestamp, ToSpan as _};

    /// A day of hours, whose number is given to `fill`.
    pub fn day(fill: impl Fn(u64, &mut Hour)) -> Vec<Hour> {
        let first: Timestamp = "2026-11-20T11:00:00Z".parse().unwrap();
        let hour = |number: u64| {
            let since = first + (number as i64).hours();
            let mut hour = Hour {
                since,
                delivered: 0,
                failed_attempts: 0,
                escalated: 0,
                answer_ms_median: None,
                answer_ms_p95: None,
            };
            fill(number, &mut hour);
            hour
        };
        (0..24).map(hour).collect()
    }

    #[test]
    fn times_are_those_of_the_viewer() {
        let zone = Zone::of(Some("Europe/Madrid"));
        assert_eq!(times(&day(|_, _| {}), &zone), ["20 Nov 12:00", "18:00", "00:00", "06:00", "now"]);
        assert_eq!(times(&day(|_, _| {})[..1], &zone), ["20 Nov 12:00", "now"]);
        assert_eq!(times(&[], &zone), ["now"]);
        let kolkata = Zone::of(Some("Asia/Kolkata"));
        assert_eq!(times(&day(|_, _| {}), &kolkata)[1], "22:30");
    }
}
