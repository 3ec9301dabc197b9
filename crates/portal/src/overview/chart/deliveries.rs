//! Deliveries an hour: those that succeeded upwards, attempts that failed downwards.

use super::axis::{Halves, label, place};
use super::{clock, times};
use crate::html::number;
use crate::overview::model::Hour;
use crate::zone::Zone;

/// In percent of the picture: what is little beside the rest is seen all the same.
const LEAST: f64 = 1.0;
/// How much of an hour's width is a bar.
const BAR: f64 = 0.72;

/// The picture, and what stands around it.
pub struct Deliveries {
    /// The same in a sentence.
    pub says: String,
    /// From top to bottom.
    pub labels: Vec<String>,
    /// Where lines run across.
    pub grid: Vec<String>,
    /// Where zero is.
    pub zero: String,
    pub times: Vec<String>,
    pub delivered: Vec<Bar>,
    pub failed: Vec<Bar>,
    pub rows: Vec<Row>,
    /// Nothing happened at all.
    pub is_empty: bool,
}

/// Attributes of a `rect`.
#[derive(Debug, PartialEq, Eq)]
pub struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
}

/// An hour in numbers.
pub struct Row {
    pub hour: String,
    pub delivered: String,
    pub failed: String,
    pub given_up: String,
}

impl Deliveries {
    pub fn of(hours: &[Hour], zone: &Zone) -> Self {
        let greatest = |of: fn(&Hour) -> u64| hours.iter().map(of).max().unwrap_or(0);
        let (most_delivered, most_failed) =
            (greatest(|hour| hour.delivered), greatest(|hour| hour.failed_attempts));
        let halves = Halves::of(most_delivered, most_failed);
        let zero = halves.zero();
        let bars = |height: &dyn Fn(&Hour) -> Option<(f64, f64)>| {
            let slot = 100.0 / hours.len().max(1) as f64;
            let bar = |(place_of, hour): (usize, &Hour)| {
                let (y, height) = height(hour)?;
                let x = slot * (place_of as f64 + (1.0 - BAR) / 2.0);
                let width = place(slot * BAR);
                Some(Bar { x: place(x), y: place(y), width, height: place(height) })
            };
            hours.iter().enumerate().filter_map(bar).collect()
        };
        let delivered = bars(&|hour| {
            let height = halves.length(hour.delivered).max(LEAST);
            (hour.delivered > 0).then_some(((zero - height).max(0.0), height))
        });
        let failed = bars(&|hour| {
            let height = halves.length(hour.failed_attempts).max(LEAST);
            (hour.failed_attempts > 0).then_some((zero, height))
        });
        Self {
            says: says(hours, zone),
            labels: halves.labels().map(label).to_vec(),
            grid: halves.grid(),
            zero: place(zero),
            times: times(hours, zone),
            delivered,
            failed,
            rows: hours.iter().map(|hour| Row::of(hour, zone)).collect(),
            is_empty: hours
                .iter()
                .all(|hour| hour.delivered == 0 && hour.failed_attempts == 0 && hour.escalated == 0),
        }
    }
}

impl Row {
    fn of(hour: &Hour, zone: &Zone) -> Self {
        Self {
            hour: clock(hour, zone),
            delivered: number(hour.delivered),
            failed: number(hour.failed_attempts),
            given_up: number(hour.escalated),
        }
    }
}

fn says(hours: &[Hour], zone: &Zone) -> String {
    let told = |of: fn(&Hour) -> u64, none: &str, what: &str| {
        let total = hours.iter().map(of).fold(0, u64::saturating_add);
        let most = hours.iter().rev().max_by_key(|hour| of(hour)).filter(|hour| of(hour) > 0);
        match most {
            None => format!("{none}."),
            Some(most) if of(most) == total => {
                format!("{} {what}, all in the hour from {}.", number(total), clock(most, zone))
            }
            Some(most) => {
                format!(
                    "{} {what}, at most {} in the hour from {}.",
                    number(total),
                    number(of(most)),
                    clock(most, zone)
                )
            }
        }
    };
    let delivered = told(|hour| hour.delivered, "Nothing was delivered", "delivered");
    let failed = told(|hour| hour.failed_attempts, "No attempt failed", "failed attempts");
    format!("In the last {} hours: {delivered} {failed}", hours.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::day;
    use super::*;

    #[test]
    fn a_day_is_drawn_from_zero_upwards_and_downwards() {
        let hours = day(|hour, of| {
            of.delivered = if hour == 15 { 172 } else { 43 };
            of.failed_attempts = if hour == 21 { 44 } else { 0 };
        });
        let drawn = Deliveries::of(&hours, &Zone::of(Some("Europe/Madrid")));
        assert_eq!((drawn.delivered.len(), drawn.failed.len(), drawn.rows.len()), (24, 1, 24));
        let bar = |x: &str, y: &str, height: &str| Bar {
            x: x.to_owned(),
            y: y.to_owned(),
            width: "3.00".to_owned(),
            height: height.to_owned(),
        };
        assert_eq!(drawn.delivered[15], bar("63.08", "0.00", "66.67"));
        assert_eq!(drawn.delivered[0], bar("0.58", "50.00", "16.67"));
        // As much as the 43 above, and one more.
        assert_eq!(drawn.failed[0], bar("88.08", "66.67", "17.05"));
        assert_eq!(drawn.labels, ["172", "86", "0", "86"]);
        assert_eq!(
            (drawn.zero.as_str(), drawn.grid),
            ("66.67", ["0.00", "33.33", "100.00"].map(str::to_owned).to_vec())
        );
        assert_eq!(
            drawn.says,
            "In the last 24 hours: 1,161 delivered, at most 172 in the hour from 03:00. 44 failed attempts, all in the hour from 09:00."
        );
        assert!(!drawn.is_empty);
    }

    #[test]
    fn as_many_are_as_long_on_both_sides() {
        let drawn = |delivered: u64, failed: u64| {
            let hours = day(|_, of| (of.delivered, of.failed_attempts) = (delivered, failed));
            let drawn = Deliveries::of(&hours, &Zone::utc());
            let height = |bars: &[Bar]| bars.first().map(|bar| bar.height.clone()).unwrap_or_default();
            (height(&drawn.delivered), height(&drawn.failed), drawn.labels.join(" "))
        };
        let told = |up: &str, down: &str, labels: &str| (up.to_owned(), down.to_owned(), labels.to_owned());
        assert_eq!(drawn(30, 30), told("33.33", "33.33", "60 30 0 30"));
        assert_eq!(drawn(2, 600), told("1.00", "66.67", "300 0 300 600"));
        assert_eq!(drawn(30, 15), told("66.67", "33.33", "30 15 0 15"));
        assert_eq!(drawn(90, 0), told("100.00", "", "90 60 30 0"));
        assert_eq!(drawn(0, 90), told("", "100.00", "0 30 60 90"));
    }

    #[test]
    fn a_day_of_zeros_has_axes_and_no_bars() {
        let drawn = Deliveries::of(&day(|_, _| {}), &Zone::utc());
        assert!(drawn.is_empty && drawn.delivered.is_empty() && drawn.failed.is_empty());
        assert_eq!(drawn.labels, ["2", "1", "0", "1"]);
        assert_eq!(drawn.says, "In the last 24 hours: Nothing was delivered. No attempt failed.");
    }

    #[test]
    fn one_bar_and_none_and_the_greatest_number_stay_within_the_picture() {
        let one = Deliveries::of(&day(|_, hour| hour.delivered = 1)[..1], &Zone::utc());
        assert_eq!((one.delivered[0].x.as_str(), one.delivered[0].width.as_str()), ("14.00", "72.00"));
        let huge = day(|hour, of| (of.delivered, of.failed_attempts) = (u64::MAX - hour, u64::MAX));
        let huge = Deliveries::of(&huge, &Zone::utc());
        assert_eq!((huge.delivered[0].y.as_str(), huge.failed[0].height.as_str()), ("33.33", "33.33"));
        let none = Deliveries::of(&[], &Zone::utc());
        assert!(none.is_empty && none.rows.is_empty() && none.delivered.is_empty());
    }
}
